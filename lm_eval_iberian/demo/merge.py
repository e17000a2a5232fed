"""Merge the instructed model and a language expert with ``mergekit-yaml``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from lm_eval_iberian.demo.commands import run_command
from lm_eval_iberian.demo.spec import DemoMethod
from lm_eval_iberian.demo.tokenizer import SPECIALS


CHAT_TOKENS = SPECIALS[3:]


def recipe(
    method: DemoMethod, base: Path, instruct: Path, expert: Path
) -> dict[str, Any]:
    """Return the mergekit recipe of a method; the paths are made absolute.

    Tokenizer and chat template come from the instructed model.
    """
    models = [
        {
            "model": str(model.resolve()),
            "parameters": {"weight": weight, **method.per_model},
        }
        for model, weight in zip((instruct, expert), method.weights, strict=True)
    ]
    found: dict[str, Any] = {"merge_method": method.name, "models": models}
    if method.needs_base:
        found["base_model"] = str(base.resolve())
    if method.parameters:
        found["parameters"] = dict(method.parameters)
    tokenizer: dict[str, Any] = {"source": str(instruct.resolve())}
    if method.chat_rows:
        whole = {"source": str(instruct.resolve()), "force": True}
        # a dictionary for each: YAML would write the second as a reference
        tokenizer["tokens"] = {token: dict(whole) for token in CHAT_TOKENS}
    return found | {"tokenizer": tokenizer, "dtype": "float32"}


def merge(recipe_path: Path, content: dict[str, Any], out: Path, log: Path) -> None:
    """Write the recipe, run it, and let ``out`` appear only when it is whole."""
    recipe_path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    recipe_path.write_text(text, encoding="utf-8")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(recipe_path), str(partial), "--quiet", "--no-write-model-card"]
    run_command("mergekit-yaml", arguments, log, threads=1)
    partial.rename(out)
