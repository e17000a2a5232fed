"""What was gained and lost, and what of it is luck."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_items import mean_of, right_or_wrong
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import average_difference, paired_difference


ANSWERS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(2, 5)), min_size=2, max_size=30
)


@given(ANSWERS)
def test_they_are_counted_item_by_item(rows: list[tuple[bool, bool, int]]) -> None:
    a, b, choices = map(np.array, zip(*rows, strict=True))
    found = paired_difference(
        [right_or_wrong(a, choices=choices)], [right_or_wrong(b, choices=choices)]
    )
    gained = sum(not x and y for x, y, _ in rows)
    lost = sum(x and not y for x, y, _ in rows)
    lucky = sum(1 / (k - 1) for x, y, k in rows if not x and not y)
    assert (found.gained, found.lost) == (gained, lost)
    assert found.gained_by_chance == pytest.approx(min(gained, lost, lucky))
    assert found.lost_by_chance == found.gained_by_chance
    net = 100 * (gained - lost) / len(rows)
    assert found.difference == pytest.approx(net, abs=1e-9)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("in_common", [0.0, 0.5, 1.0])
def test_guessing_explains_what_guessers_gain_and_lose(
    k: int, in_common: float
) -> None:
    """Of two who know 60 % each, with more or less of it in common, all is known."""
    rng = np.random.default_rng((k, int(10 * in_common)))
    n = 200_000
    known_a = rng.random(n) < 0.6
    known_b = np.where(rng.random(n) < in_common, known_a, rng.random(n) < 0.6)
    lucky_a, lucky_b = rng.random((2, n)) < 1 / k
    a, b = known_a | lucky_a, known_b | lucky_b
    found = paired_difference(
        [right_or_wrong(a, choices=np.full(n, k))],
        [right_or_wrong(b, choices=np.full(n, k))],
    )
    by_luck = int((~known_a & ~known_b & ~a & b).sum())
    assert found.gained_by_chance == pytest.approx(by_luck, rel=0.03)
    assert found.lost_by_chance == pytest.approx(by_luck, rel=0.03)


def test_of_runs_an_item_is_right_that_is_so_in_most_of_them() -> None:
    runs = [right_or_wrong(row) for row in ([1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 0, 0])]
    found = paired_difference([right_or_wrong([0, 0, 0, 1])], runs)
    assert (found.gained, found.lost) == (2, 1)
    # right in one of two is not right
    found = paired_difference([right_or_wrong([1, 1, 1, 1])], runs[:2])
    assert (found.gained, found.lost) == (0, 3)


def test_without_choices_and_without_right_or_wrong_nothing_is_said() -> None:
    a, b = right_or_wrong([0, 1, 1]), right_or_wrong([1, 1, 0])
    found = paired_difference([a], [b])
    assert (found.gained, found.gained_by_chance) == (1, None)
    found = paired_difference([mean_of([0, 1, 1])], [mean_of([1, 1, 0])])
    assert (found.gained, found.lost) == (None, None)


def test_over_benchmarks_they_are_summed_where_all_say() -> None:
    four, none = np.full(5, 4), None
    pair = ([0, 0, 1, 1, 0], [1, 0, 0, 1, 1])
    known = tuple([right_or_wrong(one, choices=four)] for one in pair)
    unknown = tuple([right_or_wrong(one, choices=none)] for one in pair)
    numbers = tuple([mean_of(one)] for one in pair)
    found = average_difference([known, known])
    assert (found.gained, found.lost) == (4, 2)
    assert found.gained_by_chance == found.lost_by_chance == pytest.approx(2 / 3)
    found = average_difference([known, unknown])
    assert (found.gained, found.gained_by_chance) == (4, None)
    assert average_difference([known, numbers]).gained is None


def test_answers_among_different_numbers_of_choices_are_not_the_same_items() -> None:
    a = right_or_wrong([0, 1], choices=np.array([4, 4]))
    b = right_or_wrong([0, 1], choices=np.array([4, 5]))
    with pytest.raises(DataError, match="different numbers of answers"):
        paired_difference([a], [b])
