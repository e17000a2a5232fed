"""Findings of the consistency test that are no faults, with reasons: data files."""

from __future__ import annotations

from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.consistency import Finding
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


def listed(lang: str, which: str) -> list[dict[str, Any]]:
    """Return the exceptions of a set: findings that are no faults, with reasons.

    Raises:
        DataError: An exception has no key or no reason.
    """
    path = data() / "ifeval" / "consistency" / f"{lang}.toml"
    entries = read_toml(path).get(which, []) if path.is_file() else []
    for entry in entries:
        if not isinstance(entry.get("key"), int) or not entry.get("reason"):
            raise DataError(f"{path}: {entry} needs a key and a reason")
        if extra := set(entry) - {"key", "instruction_id", "kwarg", "reason"}:
            raise DataError(f"{path}: {entry} holds unknown fields {sorted(extra)}")
    return list(entries)


def is_listed(finding: Finding, entries: list[dict[str, Any]]) -> bool:
    """Tell whether an exception covers a finding."""
    return any(
        entry["key"] == finding.key
        and entry.get("instruction_id", finding.instruction_id)
        == finding.instruction_id
        and entry.get("kwarg", finding.kwarg) == finding.kwarg
        for entry in entries
    )
