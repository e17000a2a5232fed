"""Lists and ranges of values, exact to the last digit."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.sweep.placed_yaml import Placed, SweepSpecError
from lm_eval_iberian.sweep.value_ranges import value_texts


def placed(value: Any) -> Placed:
    if isinstance(value, list):
        return Placed([placed(one) for one in value], "s.yaml", 7)
    return Placed(value, "s.yaml", 7)


GOOD: list[tuple[str, Any, tuple[str, ...]]] = [
    ("the ends are values", "0.25..1.0 step 0.25", ("0.25", "0.5", "0.75", "1")),
    ("no rounding: 0.1 + 0.2", "0.1..0.3 step 0.1", ("0.1", "0.2", "0.3")),
    ("one value", "1..1 step 1", ("1",)),
    ("below zero", "-1..1 step 1", ("-1", "0", "1")),
    ("a number", 0.5, ("0.5",)),
    ("1.0 is 1", 1.0, ("1",)),
    ("100 keeps its noughts", 100, ("100",)),
    ("a list with a range in it", [2, "0..1 step 0.5"], ("2", "0", "0.5", "1")),
    ("a switch", [True, False], ("true", "false")),
    ("a name", "language", ("language",)),
]
BAD: list[tuple[str, Any, str]] = [
    ("no step", "0..1", "no range"),
    ("a step of nothing", "0..1 step 0", "must be above 0"),
    ("a step back", "0..1 step -0.5", "must be above 0"),
    ("backwards", "2..1 step 0.5", "write 1..2 step 0.5"),
    ("the end is not met", "0..1 step 0.3", "its last value is 0.9"),
    ("endless", "0..1 step 0.0000001", "more than 1000"),
    ("no numbers", "a..b step c", "no range"),
    ("twice", [0.5, 0.50], "0.5 twice"),
    ("twice, by a range", [1, "0..1 step 1"], "1 twice"),
    ("nothing", [], "a list of values of weight"),
    ("nothing at all", None, "must be a text"),
]


@pytest.mark.parametrize(("why", "value", "texts"), GOOD)
def test_values(why: str, value: Any, texts: tuple[str, ...]) -> None:
    assert value_texts(placed(value), "weight") == texts


@pytest.mark.parametrize(("why", "value", "says"), BAD)
def test_no_values(why: str, value: Any, says: str) -> None:
    with pytest.raises(SweepSpecError, match=says) as error:
        value_texts(placed(value), "weight")
    assert str(error.value).startswith("s.yaml, line 7: ")
