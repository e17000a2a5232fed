"""No answer, however long and odd, holds up the scoring."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lm_eval_iberian.ifeval import INSTRUCTIONS, check


LENGTH = 100_000
SECONDS = 2.0  # of this process; linear work takes a tenth, quadratic work minutes
UNITS = [
    "a", "*a ", "** ", "_a ", "[a", "<<", "[1,", '" ', "“", "a, ", "\n ", "-\n", "1. ",
    "P.S. ", "... A", "1. ATALA ", "ama-", "amarena", "\u0301", "***", "```\n",
    "http://", "a@b.", "<think>", "</think>\n", "(a", "XIV. a",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_time_is_bounded(arguments: dict[str, dict[str, Any]], unit: str) -> None:
    answer = 'x "' + unit * (LENGTH // len(unit))
    for name in INSTRUCTIONS:
        start = time.process_time()
        check(name, arguments[name], answer, lang="eu", prompt="Jarri «A».")
        took = time.process_time() - start
        assert took < SECONDS, f"{name}: {took:.1f} s"


@pytest.fixture(autouse=True, scope="module")
def warm(arguments: dict[str, dict[str, Any]]) -> None:
    for name in INSTRUCTIONS:
        check(name, arguments[name], "Kaixo denoi. Zer moduz?" * 9, lang="eu")
