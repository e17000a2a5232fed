"""Counts that cannot be right are refused where they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import ItemCounts, estimate_of, paired_difference, ratio


ONES = np.ones((3, 2))
ALONE = np.arange(3)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"counts": np.ones((0, 2)), "clusters": np.arange(0)}, "of no items nothing"),
    ({"counts": np.ones(3)}, "shape"),
    ({"counts": np.array([[1, 1], [np.nan, 1], [1, 1]])}, "1 of 3 items, item 1"),
    ({"counts": np.array([[1, 1], [1, 1], [np.inf, 1]])}, "item 2 the first"),
    ({"clusters": np.arange(2)}, "clusters has a number for each of the 3 items"),
    ({"clusters": np.array([0, 1, -1])}, "clusters are whole numbers from 0 on"),
    ({"clusters": np.array([0.0, 1.0, 2.0])}, "clusters are whole numbers"),
    ({"choices": np.array([4, 4, 1])}, "choices are whole numbers from 2 on"),
    ({"counts": np.ones((3, 3)), "ratio": True}, "two columns, not 3"),
    ({"counts": ONES * [1, 0], "ratio": True}, "sums to 0"),
    ({"counts": ONES * [1, -1], "ratio": True}, "none is < 0"),
    ({"counts": ONES * [0.5, 1], "binary": True}, "counts 1 or 0"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_counts_that_cannot_be_right_are_refused(
    given: dict[str, Any], said: str
) -> None:
    whole: dict[str, Any] = {"counts": ONES, "clusters": ALONE, "metric": ratio()}
    ItemCounts(**whole)
    with pytest.raises(DataError, match=said):
        ItemCounts(**whole | given)


def test_runs_and_models_have_the_same_items() -> None:
    three = ItemCounts(ONES, ALONE, ratio(), ratio=True)
    two = ItemCounts(ONES[:2], ALONE[:2], ratio(), ratio=True)
    other = ItemCounts(ONES, ALONE[::-1].copy(), ratio(), ratio=True)
    with pytest.raises(DataError, match="runs must be of the same items: one has 3"):
        estimate_of([three, two])
    with pytest.raises(DataError, match="models must be of the same items"):
        paired_difference([three], [two])
    with pytest.raises(DataError, match="their clusters differ"):
        paired_difference([three], [other])
    with pytest.raises(DataError, match="There is no run"):
        estimate_of([])
    with pytest.raises(DataError, match="There is no run"):
        paired_difference([three], [])
