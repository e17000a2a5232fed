"""Holm's p, against the closed test that it is a shortcut of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import holm


def closed_test(ps: Sequence[float]) -> list[float]:
    """Reference: one is rejected if every set that holds it is, by Bonferroni.

    The adjusted p is the largest of ``len(set) * min(set)`` over those sets.
    """
    places = range(len(ps))
    sets = list(chain.from_iterable(combinations(places, n + 1) for n in places))
    return [
        max(
            min(1.0, len(one) * min(ps[i] for i in one)) for one in sets if place in one
        )
        for place in places
    ]


def test_a_worked_example() -> None:
    # of https://en.wikipedia.org/wiki/Holm-Bonferroni_method: at .05 the first and the
    # fourth are rejected; R's p.adjust gives these numbers
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_what_has_no_p_does_not_count() -> None:
    assert holm([0.01, None, 0.04]) == pytest.approx([0.02, None, 0.04])
    assert holm([None]) == [None]
    assert holm([]) == []


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(DataError, match="p is from 0 to 1"):
        holm([0.5, p])


@given(st.lists(st.floats(0, 1), max_size=7))
def test_it_is_the_closed_test_of_bonferroni_s(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(closed_test(ps))
