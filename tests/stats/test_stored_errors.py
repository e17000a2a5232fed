"""What stored standard errors tell of a difference, and of an average."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from drawn_items import mean_of

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import (
    Estimate,
    average_estimate,
    estimate_of,
    paired_difference,
    stored_average,
    stored_average_difference,
    stored_difference,
)


def test_a_difference_is_welch_s_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.uniform(size=40), rng.uniform(size=70) ** 2
    stored = [
        Estimate(one.mean(), stderr=one.std(ddof=1) / len(one) ** 0.5, n=len(one))
        for one in (a, b)
    ]
    found = stored_difference(*stored)
    welch = scipy.stats.ttest_ind(b, a, equal_var=False)
    assert found.p == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval()))
    assert found.difference == pytest.approx(b.mean() - a.mean())
    assert (found.paired, found.method, found.n) == (False, "stored", None)
    assert found.gained is found.lost is found.correlation is None


def test_without_a_number_of_items_it_is_normal() -> None:
    found = stored_difference(Estimate(60.0, stderr=3.0), Estimate(70.0, stderr=4.0))
    assert found.p == pytest.approx(2 * scipy.stats.norm.sf(2))
    half = 5 * scipy.stats.norm.ppf(0.975)
    assert (found.low, found.high) == pytest.approx((10 - half, 10 + half))
    power = scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8)
    assert found.detectable == pytest.approx(5 * power, rel=1e-3)


def test_clusters_count_before_items() -> None:
    few = Estimate(1.0, stderr=1.0, n=900, clusters=5)
    found = stored_average([few])
    assert found.high == pytest.approx(1 + scipy.stats.t.ppf(0.975, 4))


def test_pairing_finds_what_stored_errors_do_not() -> None:
    rng = np.random.default_rng(2)
    hard = rng.normal(size=300)
    a, b = (mean_of(hard + 0.3 * rng.normal(size=300) + up) for up in (0, 0.1))
    paired = paired_difference([a], [b])
    stored = stored_difference(estimate_of([a]), estimate_of([b]))
    assert stored.difference == pytest.approx(paired.difference)
    assert paired.stderr is not None
    assert stored.stderr is not None
    assert paired.stderr < 0.5 * stored.stderr


def test_an_average_is_that_of_benchmarks_whose_items_are_known() -> None:
    rng = np.random.default_rng(3)
    parts = [mean_of(rng.choice([0, 1], size=n)) for n in (50, 200, 90)]
    items = average_estimate([[part] for part in parts])
    stored = stored_average([estimate_of([part]) for part in parts])
    assert (stored.value, stored.stderr, stored.n, stored.clusters) == pytest.approx(
        (items.value, items.stderr, items.n, items.clusters)
    )
    assert (stored.low, stored.high) == pytest.approx((items.low, items.high), rel=1e-3)


def test_errors_of_the_same_items_are_not_taken_for_independent() -> None:
    parts = [Estimate(60.0, stderr=3.0, n=90), Estimate(70.0, stderr=5.0, n=90)]
    found = stored_average(parts, together=["flores", "flores"])
    assert found.stderr == pytest.approx(4.0)
    assert (found.value, found.n) == (65.0, 180)
    alone = stored_average(parts, together=["flores", "cola"])
    assert alone == stored_average(parts)
    assert alone.stderr == pytest.approx(34**0.5 / 2)


def test_a_draw_of_benchmarks_varies_as_they_do() -> None:
    values = [50.0, 60.0, 64.0, 90.0]
    parts = [Estimate(value, stderr=0.1, n=400) for value in values]
    found = stored_average(parts, benchmarks="random")
    wanted = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(wanted))
    assert found.stderr == pytest.approx(scipy.stats.sem(values))
    # what is alike is no more certain than its items
    even = stored_average([parts[0]] * 4, benchmarks="random")
    assert even.stderr == stored_average([parts[0]] * 4).stderr


def test_a_mean_of_differences_has_the_means_of_their_values() -> None:
    pairs = [(40.0, 50.0), (60.0, 62.0), (10.0, 16.0)]
    parts = [
        stored_difference(*(Estimate(one, stderr=2.0, n=100) for one in pair))
        for pair in pairs
    ]
    found = stored_average_difference(parts)
    assert (found.a_value, found.b_value) == pytest.approx((110 / 3, 128 / 3))
    assert found.difference == pytest.approx(6.0)
    assert found.stderr == pytest.approx(8**0.5 / 3**0.5)
    assert (found.n, found.clusters, found.paired) == (300, None, False)
    assert stored_average_difference(parts[:1]) is parts[0]
    drawn = stored_average_difference(parts, benchmarks="random")
    assert drawn.p == pytest.approx(scipy.stats.ttest_1samp([10, 2, 6], 0).pvalue)


@pytest.mark.parametrize(
    ("stderr", "n", "why"),
    [
        (None, None, "a standard error was not stored"),
        (0.0, 10, "the stored standard errors are 0"),
        (0.5, 1, "one item: nothing tells how another would differ"),
    ],
)
def test_what_cannot_be_told_is_said(
    stderr: float | None, n: int | None, why: str
) -> None:
    one = Estimate(50.0, stderr=stderr, n=n)
    for found in (stored_difference(one, one), stored_average([one, one])):
        assert (found.low, found.high, found.stderr) == (None, None, None)
        assert why in found.why
    assert stored_difference(one, one).p is None


@pytest.mark.parametrize(
    ("value", "stderr"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan), (1.0, -1.0)]
)
def test_what_is_no_number_is_refused(value: float, stderr: float) -> None:
    with pytest.raises(DataError, match=r"finite number|number from 0 on"):
        stored_average([Estimate(value, stderr=stderr)])
    with pytest.raises(DataError, match=r"finite number|number from 0 on"):
        stored_difference(Estimate(1.0, stderr=1.0), Estimate(value, stderr=stderr))


def test_an_average_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="no benchmark"):
        stored_average([])
    with pytest.raises(DataError, match="no benchmark"):
        stored_average_difference([])
