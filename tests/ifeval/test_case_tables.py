"""Every instruction type, by tables of answers with a known verdict."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import tables

from lm_eval_iberian.ifeval import INSTRUCTIONS, check


ROWS = tables.read("ifeval")


@pytest.mark.parametrize("row", tables.named(ROWS))
def test_verdict(row: dict[str, Any]) -> None:
    verdict = check(
        row["id"],
        row["kwargs"],
        row["response"],
        lang=row["lang"],
        prompt=row.get("prompt"),
    )
    assert verdict.followed is row["expected"], verdict.reason


def test_every_type_has_cases_of_both_kinds() -> None:
    kinds = Counter((row["id"], row["expected"]) for row in ROWS)
    for name in INSTRUCTIONS:
        assert kinds[name, True] >= 2, name
        assert kinds[name, False] >= 2, name


def test_no_case_stands_twice() -> None:
    seen = Counter(
        json.dumps({k: v for k, v in row.items() if k != "why"}, sort_keys=True)
        for row in ROWS
    )
    assert [case for case, count in seen.items() if count > 1] == []
