"""Intervals, p and what could have been found, against scipy's own distributions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from drawn_items import mean_of, right_or_wrong
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.stats import average_estimate, estimate_of, paired_difference
from lm_eval_iberian.stats.intervals import (
    detectable,
    drawn_interval,
    drawn_p,
    t_interval,
    t_p,
)
from lm_eval_iberian.stats.scatter import Spread, together_spread


DEGREES = (1.0, 2.5, 9.0, 120.0, 16_000.0)


@pytest.mark.parametrize("df", DEGREES)
def test_t_is_scipy_s(df: float) -> None:
    t = scipy.stats.t(df, loc=3, scale=2)
    assert t_interval(3, Spread(4, df)) == pytest.approx(t.interval(0.95), rel=1e-6)
    expected = 2 * scipy.stats.t.sf(1.5, df)
    assert t_p(-3, Spread(4, df)) == pytest.approx(expected, rel=1e-9)


def test_no_p_is_0() -> None:
    assert 0 < t_p(1e9, Spread(1, np.inf)) < 1e-300


@pytest.mark.parametrize("df", DEGREES)
def test_what_is_detectable_is_found_in_four_cases_of_five(df: float) -> None:
    found = detectable(Spread(4, df)) / 2
    critical = scipy.stats.t.ppf(0.975, df)
    assert scipy.stats.nct.sf(critical, df, found) == pytest.approx(0.8, abs=1e-4)


def test_what_is_detectable_is_found_in_four_cases_of_five_when_simulated() -> None:
    rng = np.random.default_rng(9)
    away = detectable(Spread(1 / 12, 11))
    values = rng.normal(size=(40_000, 12)) + away
    p = scipy.stats.ttest_1samp(values, 0, axis=1).pvalue
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_variances_sum_with_satterthwaite_s_degrees_of_freedom() -> None:
    # Welch's test is the sum of two
    rng = np.random.default_rng(10)
    a, b = rng.normal(size=7), 3 * rng.normal(size=12)
    found = together_spread(
        [Spread(a.var(ddof=1) / 7, 6.0), Spread(b.var(ddof=1) / 12, 11.0)]
    )
    welch = scipy.stats.ttest_ind(b, a, equal_var=False)
    assert found.df == pytest.approx(welch.df)
    assert t_p(b.mean() - a.mean(), found) == pytest.approx(welch.pvalue)


@given(st.floats(-3, 3), st.integers(0, 50), st.sampled_from([5.0, 20.0, np.inf]))
def test_the_p_of_draws_agrees_with_their_interval(
    value: float, key: int, df: float
) -> None:
    draws = np.random.default_rng(key).normal(size=2_000)
    interval = drawn_interval(value, draws, df)
    assert interval is not None
    low, high = interval
    p = drawn_p(value, draws, Spread(1.0, df))
    assert 0 < p <= 1
    assert (p <= 0.05) == (not low <= 0 <= high)


def test_draws_of_many_clusters_have_their_percentiles() -> None:
    draws = np.random.default_rng(11).exponential(size=9_999)
    expected = 5 + np.quantile(draws, [0.025, 0.975])
    assert drawn_interval(5, draws, np.inf) == pytest.approx(expected, rel=0.02)
    # (k + 1) / (draws + 1), twice
    beyond = int((draws <= 0.001).sum())
    found = drawn_p(-0.001, draws, Spread(1.0, np.inf))
    assert found == pytest.approx(2 * (beyond + 1) / 10_000)


@pytest.mark.parametrize("df", [20.0, np.inf])
def test_a_p_is_not_bounded_by_the_number_of_draws(df: float) -> None:
    """Among hundreds of tests Holm would make every p of the draws a large one."""
    spread = Spread(1.0, df)
    draws = np.random.default_rng(11).normal(size=9_999)
    least = 2 * scipy.stats.t.cdf(scipy.stats.norm.ppf(1 / 10_000), df)
    furthest = -float(draws.min())
    assert drawn_p(furthest + 1e-9, draws, spread) == pytest.approx(least, rel=1e-6)
    ps = [drawn_p(value, draws, spread) for value in (furthest + 1e-9, 5, 7, 9, 40)]
    assert ps == sorted(ps, reverse=True)
    assert 0 < ps[-1] < ps[0]
    # about as Student's t has it, and not less
    for value, p in zip((5, 7, 9), ps[1:], strict=False):
        assert t_p(value, spread) <= p < 40 * t_p(value, spread)
        assert drawn_p(-value, -draws, spread) == pytest.approx(p)


def test_beyond_draws_that_reach_far_a_p_stays_large() -> None:
    """The normal distribution would have 1e-23 where 3e-5 is right."""
    draws = np.random.default_rng(11).exponential(size=9_999) - 1
    assert 3e-6 < drawn_p(-10.0, draws, Spread(1.0, np.inf)) < 2e-4
    # and on the other side no draw tells more than Student's t
    assert drawn_p(10.0, draws, Spread(1.0, np.inf)) == pytest.approx(
        t_p(10.0, Spread(1.0, np.inf))
    )


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_draws_that_are_all_on_the_other_side_tell_no_more(value: float) -> None:
    draws = np.random.default_rng(11).normal(size=9_999) - 9
    found = drawn_p(value, draws, Spread(1.0, np.inf))
    assert found == pytest.approx(2 / 10_000)


def test_draws_that_do_not_reach_far_enough_give_no_interval() -> None:
    draws = np.random.default_rng(12).normal(size=1_000)
    assert drawn_interval(0, draws, 2.0) is None


@pytest.mark.parametrize("right", [0, 1])
@pytest.mark.parametrize("items", [2, 30, 541])
def test_of_all_right_the_interval_is_clopper_and_pearson_s(
    items: int, right: int
) -> None:
    found = estimate_of([right_or_wrong(np.full(items, right))])
    exact = scipy.stats.binomtest(right * items, items).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((100 * exact.low, 100 * exact.high))
    assert (found.stderr, found.method) == (0, "exact")
    assert f"all {items} items are alike" in found.why


@pytest.mark.parametrize("items", [1, 2, 5, 6, 20])
def test_where_all_change_p_is_that_of_the_sign_test(items: int) -> None:
    wrong, right = right_or_wrong(np.zeros(items)), right_or_wrong(np.ones(items))
    found = paired_difference([wrong], [right])
    if items == 1:
        assert found.p is None
        return
    sign = scipy.stats.binomtest(items, items).pvalue
    assert found.p == pytest.approx(sign, rel=1e-6)
    assert found.low is not None
    assert (found.p <= 0.05) == (found.low > 0)


def test_where_nothing_changes_a_few_might_have() -> None:
    answers = right_or_wrong([0, 1] * 500)
    found = paired_difference([answers], [answers])
    share = 100 * (1 - 0.025 ** (1 / 1_000))
    assert (found.low, found.high) == pytest.approx((-share, share))
    assert (found.p, found.difference, found.method) == (1.0, 0.0, "exact")
    # one item that differs does not make it narrower
    counts = answers.counts.copy()
    counts[0, 0] = 1
    one = paired_difference([answers], [right_or_wrong(counts[:, 0])])
    assert one.high is not None
    assert one.low is not None
    assert one.high - one.low > 2 * share


def test_the_exact_interval_covers_what_is_seldom_otherwise() -> None:
    """Clusters of sizes 1 and 5, 5 % of them wrong; what samples without one say."""
    rng = np.random.default_rng(13)
    missed = drawn = 0
    for _ in range(3_000):
        sizes = rng.choice([1, 5], size=20)
        wrong = rng.random(20) < 0.05
        labels = np.repeat(np.arange(20), sizes)
        found = estimate_of([right_or_wrong(~wrong[labels], labels)])
        drawn += found.method == "exact"
        assert found.low is not None
        missed += found.low > 95
    assert drawn > 500
    assert missed < 0.05 * 3_000


def test_an_unseen_cluster_may_be_as_large_as_the_largest() -> None:
    labels = [0, 1, 1, 1, 1, 1, 2, 2, 2]
    found = estimate_of([right_or_wrong(np.ones(9), labels)])
    share = (1 - 0.025 ** (1 / 3)) * 5 / 3
    assert found.low == pytest.approx(max(0.0, 100 * (1 - share)))
    many = np.repeat(np.arange(60), [1, 5] * 30)
    found = estimate_of([right_or_wrong(np.ones(180), many)])
    share = (1 - 0.025 ** (1 / 60)) * 5 / 3
    assert found.low == pytest.approx(100 * (1 - share))


def test_over_benchmarks_each_is_bounded_less_surely() -> None:
    alone = estimate_of([right_or_wrong(np.ones(50))])
    both = average_estimate([[right_or_wrong(np.ones(50))]] * 2)
    assert alone.low is not None
    assert both.low is not None
    assert both.low < alone.low
    assert both.high == 100


def test_what_has_no_bounds_has_no_interval_where_all_are_alike() -> None:
    found = estimate_of([mean_of(np.full(9, 3.0))])
    assert (found.value, found.low, found.high) == (300, None, None)
    assert "all 9 items are alike: nothing tells how others would differ" in found.why
