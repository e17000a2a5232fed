"""Which instructions an obedient answer can follow by the original, and why not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import tables

from lm_eval_iberian.ifeval.original import obstacle, satisfiable


ROWS = tables.read("ifeval_original/satisfiable")


@pytest.mark.parametrize("row", tables.named(ROWS))
def test_satisfiable(row: dict[str, Any]) -> None:
    given: dict[str, Any] = {"lang": row["lang"], "prompt": row["prompt"]}
    reason = obstacle(row["id"], row["kwargs"], **given)
    assert satisfiable(row["id"], row["kwargs"], **given) is row["expected"], reason
    assert (reason is None) is row["expected"]


def test_nothing_is_in_the_way_without_a_prompt(
    arguments: dict[str, dict[str, Any]],
) -> None:
    skipped = {"change_case:english_lowercase", "language:response_language"}
    if sys.version_info < (3, 11):
        skipped.add("keywords:existence")  # C++ was no pattern then
    for name in set(arguments) - skipped:
        assert obstacle(name, arguments[name], lang="eu", prompt=None) is None, name


def test_of_the_english_rows_only_those_with_no_letter(reference: Path) -> None:
    found: set[tuple[int, str]] = set()
    path = reference / "m_ifeval" / "en_input_data.jsonl"
    for line in path.read_bytes().splitlines():
        row = json.loads(line)
        for name, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            if not satisfiable(name, kwargs, lang="en", prompt=row["prompt"]):
                found.add((row["key"], name))
    letters = "en:keywords:letter_frequency"
    assert found == {(1122, letters), (1129, letters)}
