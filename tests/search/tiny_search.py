"""Tiny models of three layers, and a search of them by the command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result
from untrained_llamas import save_untrained

from lm_eval_iberian.cli import main


SPEC: dict[str, Any] = {
    "models": {"base": "base", "instruct": "instruct", "experts": {"eu": "expert-eu"}},
    "methods": [
        {"method": "task_arithmetic", "weight": "0..1.2"},
        {"method": "fused_task_arithmetic", "weight": {"experts": "0..1 by third"}},
    ],
    "suites": {
        "language": {"tasks": {"eu": ["iberian_perplexity_eu_mini"]}},
        "instructions": {
            "tasks": {"eu": ["iberian_ifeval_eu_mini"]},
            "apply_chat_template": True,
            # of a model that was never trained: no special token, and few of them
            "gen_kwargs": {
                "max_gen_toks": 8, "suppress_tokens": [0, 1, 2, 3, 4, 5],
            },
        },
    },
    "device": "cpu", "batch_size": 10,
    "search": {"candidates": 6, "at_once": 2, "delta": 30, "first_look": 4},
}  # fmt: skip


def make_search_models(folder: Path) -> None:
    save_untrained(folder, "base", "expert-eu", "instruct", layers=3)


def write_spec(here: Path, **changed: Any) -> Path:
    spec = {**SPEC, "search": {**SPEC["search"], **changed}}
    path = here / "search.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    return path


def command(spec: Path, out: Path) -> list[str]:
    verb = [sys.executable, "-m", "lm_eval_iberian.cli", "search"]
    return [*verb, str(spec), "-o", str(out)]


def run(spec: Path, out: Path, *more: str) -> Result:
    """Run it in this process, which has everything imported."""
    return CliRunner().invoke(main, ["search", str(spec), "-o", str(out), *more])


def environment(here: Path) -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(here / "hf")}


def files(folder: Path, but: str = "") -> dict[str, Any]:
    """Return what a search wrote down, without what is another each time."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if but and name.startswith(but):
            continue
        if path.is_file() and path.suffix in (".json", ".md", ".yml"):
            text = path.read_text("utf-8")
            if path.name.startswith("look-") or name.startswith("held_out"):
                text = json.dumps(json.loads(text)["items"])
            if name == "search.json":  # whatever the specification is called
                text = json.dumps({**json.loads(text), "file": ""})
            found[name] = text
    return found
