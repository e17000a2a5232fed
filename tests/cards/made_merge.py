"""A folder as a merge leaves it, without weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml


RECIPE: dict[str, Any] = {
    "merge_method": "task_arithmetic",
    "base_model": "org/base",
    "models": [
        {"model": "org/instruct", "parameters": {"weight": 1.0}},
        {"model": "/data/me/expert-eu", "parameters": {"weight": 0.5}},
    ],
    "dtype": "bfloat16",
}
TEMPLATE = "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}"


def made_merge(
    folder: Path,
    recipe: dict[str, Any] | None = None,
    *,
    provenance: bool = True,
    template: str | None = TEMPLATE,
    end: str = "<|end|>",
) -> Path:
    """Write a merged model's small files and return its folder."""
    recipe = RECIPE if recipe is None else recipe
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, object] = {
        "config.json": {"model_type": "llama", "vocab_size": 8, "eos_token_id": 0},
        "generation_config.json": {"eos_token_id": [3], "temperature": 0.6},
        "tokenizer.json": {
            "model": {"type": "BPE", "vocab": {"a": 0}},
            "added_tokens": [{"id": 3, "content": end, "special": True}],
        },
        "tokenizer_config.json": {"eos_token": end},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    (folder / "mergekit_config.yml").write_text(yaml.safe_dump(recipe))
    if provenance:
        content = {
            "schema": 1,
            "date": "2026-11-30T07:21:53+00:00",
            "method": recipe.get("merge_method"),
            "seeds": {"method": 7, "global": None},
            "versions": {"mergekit": "0.1.5", "torch": "2.13.0"},
            "parsed_recipe": recipe,
            "models": [{"model": "org/instruct", "commit": "0123456789abcdef"}],
            "turns": {"like": "org/instruct"},
            "output": [],
        }
        (folder / "merge_provenance.json").write_text(json.dumps(content))
    return folder
