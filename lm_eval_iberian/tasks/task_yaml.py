"""A task's configuration as YAML text, the way lm-eval's own tasks are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from lm_eval_iberian.tasks.benchmark_tasks import Config


# keys whose values need no quotes
_BARE: Final = (
    "aggregation", "dataset_name", "dataset_path", "description", "group", "include",
    "metric", "task",
)  # fmt: skip


def yaml_text(config: Config) -> str:
    """Return a configuration as YAML, its keys in their order."""
    return "\n".join(_lines(config, 0)) + "\n"


def _lines(config: Config, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in config.items():
        if isinstance(value, dict):
            yield f"{pad}{key}:"
            yield from _lines(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{pad}{key}:"
            for item in value:
                first, *rest = _lines(item, depth + 2)
                yield f"{pad}  - {first.strip()}"
                yield from rest
        elif isinstance(value, list) and key == "task":
            yield f"{pad}{key}:"
            yield from (f"{pad}  - {item}" for item in value)
        else:
            yield f"{pad}{key}: {_scalar(key, value)}"


def _scalar(key: str, value: Any) -> str:
    if isinstance(value, str):
        bare = key in _BARE
        plain = value.replace("_", "").isalnum() or value.startswith("!function ")
        if (bare or plain) and ": " not in value:
            return value
    return json.dumps(value, ensure_ascii=False)
