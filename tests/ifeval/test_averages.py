"""Averages over clusters of verdicts, and the errors of them."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_iberian.ifeval.averages import (
    cluster_stderr,
    macro,
    mean_stderr,
    micro,
)


TYPES = ("a", "b", "c")
CLUSTERS = st.lists(
    st.lists(st.tuples(st.sampled_from(TYPES), st.booleans()), max_size=3), max_size=30
)


def test_micro_counts_verdicts_and_macro_types() -> None:
    clusters = [[("a", True)], [("a", False), ("b", True)], [("a", False)], []]
    assert micro(clusters) == 2 / 4
    assert macro(clusters) == pytest.approx((1 / 3 + 1) / 2)


def test_nothing_is_no_number() -> None:
    assert math.isnan(micro([[]]))
    assert math.isnan(macro([]))
    assert math.isnan(cluster_stderr([[("a", True)], []], by_type=False))
    assert math.isnan(mean_stderr([True]))


@pytest.mark.parametrize("by_type", [False, True])
def test_the_same_key_gives_the_same_error(by_type: bool) -> None:
    clusters = [[("a", i % 3 == 0), ("b", i % 2 == 0)] for i in range(40)]
    first = cluster_stderr(clusters, by_type=by_type)
    assert first == cluster_stderr(clusters, by_type=by_type)
    assert first != cluster_stderr(clusters, by_type=by_type, key=1)


def test_alone_in_its_prompt_a_verdict_has_the_error_of_a_mean() -> None:
    draw = random.Random(5)  # noqa: S311
    flags = [draw.random() < 0.7 for _ in range(400)]
    clusters = [[("a", flag)] for flag in flags]
    assert cluster_stderr(clusters, by_type=False) == pytest.approx(
        mean_stderr(flags), rel=0.06
    )


def test_verdicts_that_go_together_are_worth_one() -> None:
    draw = random.Random(6)  # noqa: S311
    flags = [draw.random() < 0.5 for _ in range(200)]
    clusters = [[("a", flag)] * 3 for flag in flags]
    assert cluster_stderr(clusters, by_type=False) == pytest.approx(
        mean_stderr(flags), rel=0.06
    )


def test_the_error_agrees_with_the_ratio_estimator() -> None:
    """Linearised variance of a ratio of sums (Cochran 1977, 6.3)."""
    draw = random.Random(7)  # noqa: S311
    clusters = [
        [("a", draw.random() < 0.6) for _ in range(draw.choice((1, 2, 3)))]
        for _ in range(300)
    ]
    share = micro(clusters)
    totals = [len(c) for c in clusters]
    rests = [sum(v for _, v in c) - share * len(c) for c in clusters]
    count = len(clusters)
    mean = sum(totals) / count
    expected = (sum(r * r for r in rests) / (count - 1) / count) ** 0.5 / mean
    assert cluster_stderr(clusters, by_type=False) == pytest.approx(expected, rel=0.06)


@settings(max_examples=50)
@given(CLUSTERS)
def test_errors_are_small_numbers_or_none(
    clusters: list[list[tuple[str, bool]]],
) -> None:
    for by_type in (False, True):
        error = cluster_stderr(clusters, by_type=by_type, resamples=200)
        if sum(map(bool, clusters)) < 2:
            assert math.isnan(error)
        else:
            assert 0 <= error <= 0.6


@given(CLUSTERS)
def test_one_type_has_equal_averages(clusters: list[list[tuple[str, bool]]]) -> None:
    plain = [[("a", followed) for _, followed in cluster] for cluster in clusters]
    assert micro(plain) == pytest.approx(macro(plain), nan_ok=True)
