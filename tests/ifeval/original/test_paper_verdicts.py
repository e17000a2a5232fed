"""What the original says of answers whose verdict is known, wrong ones included."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import pytest
import tables

from lm_eval_iberian.ifeval import INSTRUCTIONS
from lm_eval_iberian.ifeval.original import judge_original


ROWS = tables.read("ifeval_original")


@pytest.mark.parametrize("row", tables.named(ROWS))
def test_verdict_is_the_one_that_was_given(row: dict[str, Any]) -> None:
    if sys.version_info < tuple(row.get("min_python", (3, 10))):
        pytest.skip(f"this Python reads {row['kwargs']} otherwise")
    (strict,), (loose,) = judge_original(
        [row["id"]],
        [row["kwargs"]],
        row["response"],
        lang=row["lang"],
        prompt=row.get("prompt", ""),
    )
    if row["expected"] is None:
        assert strict is None
        assert loose is None
    else:
        assert strict is not None
        assert strict.followed is row["expected"], strict.reason


def test_every_type_has_a_case() -> None:
    found = {row["id"].removeprefix("en:") for row in ROWS}
    assert found >= set(INSTRUCTIONS)


def test_no_case_stands_twice() -> None:
    seen = Counter(
        json.dumps({k: v for k, v in row.items() if k != "why"}, sort_keys=True)
        for row in ROWS
    )
    assert [case for case, count in seen.items() if count > 1] == []


def test_unknown_instructions_and_missing_kwargs_are_let_pass() -> None:
    ids = ["nothing:known", "punctuation:no_comma", "language:response_language"]
    strict, loose = judge_original(ids, None, None, lang="gl", prompt=None)
    assert strict[0] is None
    assert strict[1] is not None
    assert not strict[1].followed
    assert strict[2] is None
    assert loose == strict


def test_loose_takes_the_best_of_the_variants() -> None:
    kwargs = {"end_phrase": "Agur."}
    answer = "Sarrera\nKaixo. *Agur.*\nEskerrik asko"
    (strict,), (loose,) = judge_original(
        ["startend:end_checker"], [kwargs], answer, lang="eu", prompt=""
    )
    assert strict is not None
    assert loose is not None
    assert not strict.followed
    assert loose.followed
    assert loose.reason.startswith("without the last line and without stars")
