"""Verdicts and sentences of the shared tables, read where they are.

Their rows are not copied here. A row that this project holds to be wrong is listed with
its reason, and must still be there, and still be judged otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.ifeval import check


FOLDER = Path(__file__).resolve().parents[3] / "shared" / "cases"
TABLES = {"verdicts_language.jsonl": 212, "verdicts_form.jsonl": 120}
# (table, number of the row): why it is held to be wrong
ARGUED: dict[tuple[str, int], str] = {}

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"NO SHARED CASES: {path} is absent")
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def differing(name: str) -> set[tuple[str, int]]:
    """Return the numbers of the rows that are judged otherwise than they expect."""
    return {
        (name, number)
        for number, row in enumerate(rows(name), start=1)
        if _verdict(row) is not row["expected"]
    }


def _verdict(row: Row) -> bool:
    return check(
        row["id"],
        row["kwargs"],
        row["response"],
        lang=row["lang"],
        prompt=row.get("prompt"),
    ).followed


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_its_verdict_but_those_that_are_argued(name: str) -> None:
    assert differing(name) == {place for place in ARGUED if place[0] == name}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_whole(name: str) -> None:
    assert len(rows(name)) >= TABLES[name]
