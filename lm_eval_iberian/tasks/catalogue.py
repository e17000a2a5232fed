"""The names this project ships, read from its YAMLs without importing lm-eval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paths import task_configs


@dataclass(frozen=True)
class Shipped:
    """One name in ``task_configs/``: its kind is ``task``, ``group`` or ``tag``."""

    name: str
    kind: str
    path: Path
    description: str = ""


class _Loader(yaml.SafeLoader):
    """Reads ``!function`` as the text after it: nothing is imported."""


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in a tenth of the time; it words errors in other ways."""


for _loader in (_Loader, _FastLoader):
    _loader.add_constructor("!function", lambda _, node: str(node.value))


def shipped(root: Path | None = None) -> list[Shipped]:
    """Return every task, group and tag below ``root``, by name.

    Args:
        root: A folder of task YAMLs; ours when left out.

    Raises:
        DataError: A file is not YAML, with file and line.
    """
    root = root or task_configs()
    found: dict[tuple[str, str], Shipped] = {}
    for path in sorted(root.rglob("*.yaml")):
        for entry in _names(path):
            found.setdefault((entry.kind, entry.name), entry)
    return sorted(found.values(), key=lambda entry: (entry.kind, entry.name))


def task_names(root: Path | None = None) -> list[str]:
    """Return every name that ``lm_eval --tasks`` takes from us."""
    return sorted({entry.name for entry in shipped(root)})


def read_config(path: Path) -> dict[str, Any]:
    """Read one task YAML with what it includes; local keys win.

    Raises:
        DataError: It is not YAML or not a mapping, with file and line.
    """
    text = path.read_text("utf-8")
    try:
        try:
            config = yaml.load(text, _FastLoader)  # noqa: S506 (is safe)
        except yaml.YAMLError:
            config = yaml.load(text, _Loader)  # noqa: S506 (is safe)
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {yaml_fault(error)}") from error
    if not isinstance(config, dict):
        raise DataError(f"{path} is not a mapping of keys to values")
    merged: dict[str, Any] = {}
    include = config.pop("include", [])
    for name in [include] if isinstance(include, str) else include:
        merged.update(read_config(path.parent / name))
    return merged | config


def yaml_fault(error: yaml.YAMLError) -> str:
    """Say in one line what is wrong where."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    problem = getattr(error, "problem", None) or "a fault"
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})"


def _names(path: Path) -> Iterator[Shipped]:
    config = read_config(path)
    kind = "group" if "group" in config else "task"
    about = str((config.get("metadata") or {}).get("description", ""))
    yield Shipped(config[kind], kind, path, about)
    tags = config.get("tag") or []
    for tag in [tags] if isinstance(tags, str) else tags:
        yield Shipped(tag, "tag", path)
