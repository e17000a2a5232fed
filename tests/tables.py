"""Tables of cases: JSONL files, every row with a ``why``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


CASES = Path(__file__).parent / "cases"


def read(name: str) -> list[dict[str, Any]]:
    """Return the rows of all files in a folder of ``cases``, in their order."""
    paths = sorted((CASES / name).glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    if not lines:
        raise ValueError(f"no cases in {name}")
    return [json.loads(line) for line in lines]


def named(rows: list[dict[str, Any]]) -> list[Any]:
    """Return the rows as parameters, each named by language, id and reason."""
    return [
        pytest.param(row, id=f"{row['lang']} {row['id']}: {row['why']}") for row in rows
    ]
