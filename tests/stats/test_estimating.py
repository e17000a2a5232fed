"""Values, differences and averages, against closed forms and slow references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
from drawn_items import (
    Numbers,
    cluster_labels,
    draw_answers,
    draw_numbers,
    in_clusters,
    mean_of,
    right_or_wrong,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import seconds

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import (
    Difference,
    Estimate,
    ItemCounts,
    average_difference,
    average_estimate,
    bootstrap_difference,
    estimate_of,
    matthews,
    paired_difference,
    perplexity,
    ratio,
)


def clustered_error(values: Numbers, clusters: Numbers) -> float:
    """Reference: Miller's clustered standard error of a mean, for few clusters.

    Products of deviations are summed over all pairs of items of one cluster.
    """
    deviations = values - values.mean()
    total = 0.0
    for i, one in enumerate(deviations):
        for j, other in enumerate(deviations):
            if clusters[i] == clusters[j]:
                total += one * other
    many = len(set(clusters.tolist()))
    # products that cancel may sum up to a little less than nothing
    return float(np.sqrt(many / (many - 1) * max(total, 0)) / len(values))


def interval(found: Estimate | Difference) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def stderr(found: Estimate | Difference) -> float:
    assert found.stderr is not None
    return found.stderr


def apart(labels: Sequence[int]) -> bool:
    return len(set(labels)) > 1


CLUSTERED = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), min_size=2, max_size=25
).filter(lambda rows: apart([label for label, *_ in rows]))


@given(CLUSTERED)
def test_the_standard_error_is_the_clustered_one(
    rows: list[tuple[int, bool, bool]],
) -> None:
    labels, a, b = map(np.array, zip(*rows, strict=True))
    found = estimate_of([mean_of(a, labels)])
    assert found.value == pytest.approx(100 * a.mean())
    assert found.stderr == pytest.approx(100 * clustered_error(a, labels), abs=1e-6)
    both = paired_difference([mean_of(a, labels)], [mean_of(b, labels)])
    expected = clustered_error(b * 1.0 - a, labels)
    assert both.stderr == pytest.approx(100 * expected, abs=1e-6)
    assert (found.n, found.clusters) == (len(a), len(set(labels.tolist())))


def test_without_clusters_a_difference_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=80)
    b = a + rng.uniform(-1, 1.2, size=80)  # flat: the clusters bear it evenly
    found = paired_difference([mean_of(a)], [mean_of(b)])
    test = scipy.stats.ttest_rel(100 * b, 100 * a)
    assert found.p == pytest.approx(test.pvalue)
    assert interval(found) == pytest.approx(tuple(test.confidence_interval()))
    assert (found.method, found.paired) == ("t", True)
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1])
    # 1,000 of 16,000 that differ: as good as clusters - 1
    right = rng.random(16_000) < 0.6
    other = np.where(rng.random(16_000) < 0.1, ~right, right)
    many = paired_difference([right_or_wrong(right)], [right_or_wrong(other)])
    test = scipy.stats.ttest_rel(100.0 * other, 100.0 * right)
    assert interval(many) == pytest.approx(tuple(test.confidence_interval()), rel=2e-3)


def test_where_few_items_differ_they_are_no_certainty() -> None:
    """Of 1,000 items three are gained and none lost; McNemar's exact p is .25."""
    a, b = np.zeros(1_000), np.zeros(1_000)
    for gained, mc_nemar in ((3, 0.25), (5, 0.0625), (8, 0.0078125)):
        b[:gained] = 1
        found = paired_difference([right_or_wrong(a)], [right_or_wrong(b)])
        t = scipy.stats.ttest_rel(b, a).pvalue
        assert found.p is not None
        assert t < found.p < 0.5
        assert found.p > 0.5 * mc_nemar
    # and clusters - 1 would call four of four certain
    b[:] = 0
    b[:4] = 1
    assert scipy.stats.ttest_rel(b, a).pvalue < 0.05
    p = paired_difference([right_or_wrong(a)], [right_or_wrong(b)]).p
    assert p is not None
    assert p > 0.05


def test_a_ratio_is_linearised() -> None:
    """Instructions followed of those given: the delta method, by hand."""
    rng = np.random.default_rng(2)
    given_ = rng.integers(1, 4, size=300).astype(float)
    followed = rng.binomial(given_.astype(int), 0.7).astype(float)
    counts = ItemCounts(
        np.stack([followed, given_], 1), np.arange(300), ratio(100.0), ratio=True
    )
    found = estimate_of([counts])
    share = followed.sum() / given_.sum()
    variance = (
        followed.var(ddof=1)
        - 2 * share * np.cov(followed, given_)[0, 1]
        + share**2 * given_.var(ddof=1)
    ) / (300 * given_.mean() ** 2)
    assert found.value == pytest.approx(100 * share)
    assert found.stderr == pytest.approx(100 * np.sqrt(variance), rel=1e-9)


def test_it_is_scipy_s_bootstrap() -> None:
    rng = np.random.default_rng(3)
    hard = rng.random(400)
    a = (rng.random(400) < hard) * 1.0
    b = (rng.random(400) < 0.9 * hard + 0.08) * 1.0

    def difference(one: Numbers, other: Numbers, axis: int) -> Any:
        return 100 * (other.mean(axis=axis) - one.mean(axis=axis))

    theirs = scipy.stats.bootstrap(
        (a, b), difference, paired=True, method="percentile", rng=4, n_resamples=20_000
    )
    for found in (
        paired_difference([right_or_wrong(a)], [right_or_wrong(b)]),
        bootstrap_difference(
            [right_or_wrong(a)], [right_or_wrong(b)], resamples=20_000
        ),
    ):
        assert found.stderr == pytest.approx(theirs.standard_error, rel=0.02)
        width = found.stderr
        assert interval(found)[0] == pytest.approx(
            theirs.confidence_interval.low, abs=0.08 * width
        )
        assert interval(found)[1] == pytest.approx(
            theirs.confidence_interval.high, abs=0.08 * width
        )


def test_a_bootstrap_of_a_perplexity_is_scipy_s() -> None:
    rng = np.random.default_rng(5)
    units = rng.integers(50, 400, size=300) * 1.0
    losses = -units * rng.gamma(9, 0.1, size=300)
    items = ItemCounts(np.stack([losses, units], 1), np.arange(300), perplexity())
    found = estimate_of([items])

    def metric(one: Numbers, other: Numbers, axis: int) -> Any:
        return np.exp(-one.sum(axis=axis) / other.sum(axis=axis))

    theirs = scipy.stats.bootstrap(
        (losses, units), metric, paired=True, method="percentile", rng=6
    )
    assert found.method == "bootstrap"
    assert found.value == pytest.approx(np.exp(-losses.sum() / units.sum()))
    assert found.stderr == pytest.approx(theirs.standard_error, rel=0.03)
    limits = theirs.confidence_interval
    assert interval(found) == pytest.approx((limits.low, limits.high), rel=0.01)


@pytest.mark.parametrize(("size", "alike"), [(1, 0.0), (2, 0.3), (10, 0.8)])
@pytest.mark.parametrize("clusters", [30, 100, 400])
def test_t_and_the_bootstrap_agree(clusters: int, size: int, alike: float) -> None:
    """Ends within .15 standard errors and what one item more changes, p likewise.

    Draws of few items have few values, and a tie with 0 counts against a difference.
    """
    rng = np.random.default_rng((clusters, size))
    a = draw_answers(rng, clusters, size, alike, 0.6)
    b = np.where(rng.random(a.shape) < 0.6, a, draw_answers(rng, *a.shape, alike, 0.7))
    t = paired_difference([in_clusters(a)], [in_clusters(b)])
    drawn = bootstrap_difference([in_clusters(a)], [in_clusters(b)])
    assert (t.method, drawn.method) == ("t", "bootstrap")
    assert drawn.difference == t.difference
    assert drawn.stderr == pytest.approx(stderr(t), rel=0.03)
    step = 100 / a.size / stderr(t)
    near = (0.15 + step) * stderr(t)
    assert interval(drawn) == pytest.approx(interval(t), abs=near)
    assert drawn.p == pytest.approx(t.p, abs=0.02 + 0.4 * step)
    assert drawn.correlation == pytest.approx(t.correlation, abs=0.03)
    assert (drawn.gained, drawn.lost) == (t.gained, t.lost)


PAIRED = (paired_difference, bootstrap_difference)


@pytest.mark.parametrize("difference", PAIRED)
@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([1, 3]))
def test_the_reverse_is_the_same_with_the_other_sign(
    difference: Any, key: int, size: int
) -> None:
    rng = np.random.default_rng(key)
    a, b = (in_clusters(draw_answers(rng, 12, size, 0.3, 0.6)) for _ in "ab")
    there = difference([a], [b], resamples=500, key=key)
    back = difference([b], [a], resamples=500, key=key)
    assert back.difference == -there.difference
    assert (back.gained, back.lost) == (there.lost, there.gained)
    assert back.p == pytest.approx(there.p)
    assert back.stderr == pytest.approx(there.stderr)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


@pytest.mark.parametrize("difference", PAIRED)
def test_the_order_of_items_changes_nothing(difference: Any) -> None:
    rng = np.random.default_rng(7)
    a, b = (draw_answers(rng, 40, 3, 0.3, 0.6).ravel() for _ in "ab")
    labels = cluster_labels(40, 3)
    order = rng.permutation(len(a))
    first = difference([mean_of(a, labels)], [mean_of(b, labels)])
    second = difference(
        [mean_of(a[order], labels[order])], [mean_of(b[order], labels[order])]
    )
    assert second == first
    # nor does it matter which numbers clusters have, as long as their order stays
    renumbered = difference([mean_of(a, 7 * labels + 2)], [mean_of(b, 7 * labels + 2)])
    assert renumbered == first


def test_what_both_have_more_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(2, 50))
    first = paired_difference([mean_of(a)], [mean_of(b)])
    more = paired_difference([mean_of(a + 3)], [mean_of(b + 3)])
    assert more.b_value == pytest.approx(first.b_value + 300)
    assert (more.difference, more.stderr, more.p) == pytest.approx(
        (first.difference, first.stderr, first.p)
    )


def test_the_key_decides_what_is_drawn() -> None:
    rng = np.random.default_rng(9)
    items = ItemCounts(rng.random((30, 2)) + 1, np.arange(30), perplexity())
    one, same = (estimate_of([items], key=1) for _ in range(2))
    assert one == same
    assert estimate_of([items], key=2).low != one.low
    state = np.random.get_state()[1]
    estimate_of([items])
    assert np.array_equal(np.random.get_state()[1], state)


@settings(max_examples=30)
@given(st.integers(0, 1_000))
def test_twice_the_clusters_halve_the_variance(key: int) -> None:
    rng = np.random.default_rng(key)
    table = draw_numbers(rng, 20, 4, 0.5)
    labels = cluster_labels(20, 4)
    once = estimate_of([mean_of(table.ravel(), labels)])
    twice = estimate_of(
        [mean_of(np.tile(table.ravel(), 2), np.concatenate([labels, labels + 20]))]
    )
    assert twice.value == pytest.approx(once.value)
    # G / (G - 1) for few clusters is less for more of them
    expected = stderr(once) / np.sqrt(2) * np.sqrt(40 / 39 * 19 / 20)
    assert twice.stderr == pytest.approx(expected)


@settings(max_examples=30)
@given(st.integers(0, 1_000))
def test_pairing_is_better_where_models_find_the_same_items_hard(key: int) -> None:
    rng = np.random.default_rng(key)
    hard = rng.normal(size=100)
    a, b = (mean_of(hard + rng.normal(size=100)) for _ in "ab")
    paired = paired_difference([a], [b])
    assert paired.correlation is not None
    alone = np.hypot(stderr(estimate_of([a])), stderr(estimate_of([b])))
    assert (stderr(paired) < alone) == (paired.correlation > 0)
    variances = stderr(estimate_of([a])), stderr(estimate_of([b]))
    expected = sum(v**2 for v in variances) - 2 * paired.correlation * np.prod(
        variances
    )
    assert stderr(paired) ** 2 == pytest.approx(expected)


# averages


def test_an_average_of_benchmarks_that_share_nothing() -> None:
    rng = np.random.default_rng(10)
    parts = [mean_of(rng.uniform(size=n)) for n in (40, 90, 200)]
    found = average_estimate([[part] for part in parts])
    alone = [estimate_of([part]) for part in parts]
    assert found.value == pytest.approx(np.mean([one.value for one in alone]))
    expected = np.sqrt(sum(stderr(one) ** 2 for one in alone)) / 3
    assert found.stderr == pytest.approx(expected)
    assert (found.n, found.clusters, found.runs) == (330, 330, 1)


def test_benchmarks_of_the_same_items_are_one_benchmark_of_their_means() -> None:
    rng = np.random.default_rng(11)
    hard = rng.uniform(size=60)
    parts = [hard + 0.3 * rng.uniform(size=60) for _ in range(4)]
    found = average_estimate([[mean_of(one)] for one in parts], together=["s"] * 4)
    whole = estimate_of([mean_of(np.mean(parts, axis=0))])
    assert (found.value, *interval(found)) == pytest.approx(
        (whole.value, *interval(whole))
    )
    assert (found.n, found.clusters) == (240, 60)
    alone = average_estimate([[mean_of(one)] for one in parts])
    assert stderr(alone) < 0.7 * stderr(found)


def test_they_are_told_apart_by_their_labels_and_clusters_by_their_numbers() -> None:
    rng = np.random.default_rng(12)
    values = rng.uniform(size=50)
    # of the second half only, and in another order
    half = mean_of(values[:24:-1], np.arange(49, 24, -1))
    one = average_estimate([[mean_of(values)], [half]], together=["s", "s"])
    other = average_estimate([[mean_of(values)], [half]], together=["s", "t"])
    assert (one.clusters, other.clusters) == (50, 75)
    assert stderr(one) > 1.1 * stderr(other)


def test_an_average_difference_is_the_difference_of_averages() -> None:
    rng = np.random.default_rng(13)
    hard = rng.uniform(size=(3, 80))
    pairs = [
        (
            [mean_of(one + 0.2 * rng.normal(size=80))],
            [mean_of(one + 0.2 * rng.normal(size=80))],
        )
        for one in hard
    ]
    found = average_difference(pairs)
    alone = [paired_difference(*pair) for pair in pairs]
    assert found.difference == pytest.approx(np.mean([one.difference for one in alone]))
    expected = np.sqrt(sum(stderr(one) ** 2 for one in alone)) / 3
    assert found.stderr == pytest.approx(expected)
    assert found.b_value == pytest.approx(average_estimate([p[1] for p in pairs]).value)
    assert found.detectable is not None
    assert found.detectable < min(one.detectable or 0 for one in alone)


def test_the_bootstrap_of_an_average_draws_shared_clusters_once() -> None:
    """The same numbers as ratios, whose variance is known, and as what is drawn."""
    rng = np.random.default_rng(14)
    hard = rng.uniform(size=200)
    parts = [mean_of(hard + 0.3 * rng.uniform(size=200)) for _ in range(3)]
    drawn = [replace(part, ratio=False) for part in parts]
    for together in (None, ["s", "s", "t"]):
        exact = average_estimate([[part] for part in parts], together=together)
        # one that is no ratio has all drawn
        mixed = average_estimate(
            [[drawn[0]], [parts[1]], [parts[2]]], together=together
        )
        assert mixed.method == "bootstrap"
        assert mixed.value == pytest.approx(exact.value)
        assert mixed.stderr == pytest.approx(stderr(exact), rel=0.03)
        assert interval(mixed) == pytest.approx(
            interval(exact), abs=0.1 * stderr(exact)
        )


def test_random_benchmarks_are_what_varies() -> None:
    values = [0.3, 0.5, 0.55, 0.8]
    rng = np.random.default_rng(15)
    parts = [[mean_of(v + 0.01 * rng.normal(size=500))] for v in values]
    fixed = average_estimate(parts)
    found = average_estimate(parts, benchmarks="random")
    means = [100 * part[0].counts[:, 0].mean() for part in parts]
    t = scipy.stats.ttest_1samp(means, 0).confidence_interval()
    assert interval(found) == pytest.approx(tuple(t), rel=1e-4)
    assert found.value == fixed.value
    assert stderr(fixed) < 0.01 * stderr(found)


def test_random_benchmarks_are_never_more_certain_than_fixed_ones() -> None:
    rng = np.random.default_rng(16)
    shared = rng.normal(size=40)
    parts = [[mean_of(shared)] for _ in range(5)]
    fixed = average_estimate(parts, together=[0] * 5)
    found = average_estimate(parts, together=[0] * 5, benchmarks="random")
    assert found.stderr == pytest.approx(fixed.stderr)
    assert interval(found)[0] <= interval(fixed)[0]


def test_random_benchmarks_that_share_items_vary_by_those_too() -> None:
    """Their variance among each other, and their covariance, by hand."""
    rng = np.random.default_rng(26)
    shared = rng.normal(size=50)
    parts = [shared + up + rng.normal(size=50) for up in (0.0, 1.0, -0.5, 0.3)]
    found = average_estimate(
        [[mean_of(one)] for one in parts], together=[0] * 4, benchmarks="random"
    )
    among = np.var([one.mean() for one in parts], ddof=1) / 4
    covariances = np.cov(parts) / 50
    between = covariances[~np.eye(4, dtype=bool)].mean()
    assert found.stderr == pytest.approx(100 * np.sqrt(among + between))


def test_random_benchmarks_that_are_the_same_are_as_uncertain_as_their_items() -> None:
    values = np.random.default_rng(27).uniform(size=40)
    parts = [[mean_of(values)] for _ in range(3)]
    fixed = average_estimate(parts)
    found = average_estimate(parts, benchmarks="random")
    assert found.stderr == pytest.approx(fixed.stderr)
    assert interval(found)[0] < interval(fixed)[0]


def test_labels_and_benchmarks_must_fit() -> None:
    with pytest.raises(DataError, match="no benchmark to form"):
        average_estimate([])
    with pytest.raises(DataError, match="no benchmark to form"):
        average_difference([])
    with pytest.raises(DataError, match="2 for 1"):
        average_estimate([[mean_of([0, 1])]], together=[1, 2])


def test_a_benchmark_that_is_all_right_may_have_others() -> None:
    """Of 50 items all right, and of 50 but one, an average is as uncertain."""
    rng = np.random.default_rng(25)
    other = [right_or_wrong(rng.random(5_000) < 0.6)]
    right, wrong = np.ones(50), np.ones(50)
    wrong[0] = 0
    none = average_estimate([[right_or_wrong(right)], other])
    one = average_estimate([[right_or_wrong(wrong)], other])
    assert none.method == "t"
    assert none.why == ""
    assert interval(none)[0] < none.value - 2
    widths = [interval(found)[1] - interval(found)[0] for found in (none, one)]
    assert widths[0] == pytest.approx(widths[1], rel=0.25)
    unbounded = average_estimate([[mean_of(3 * right)], other])
    assert stderr(unbounded) == pytest.approx(stderr(estimate_of(other)) / 2)


# runs


def test_a_value_is_the_mean_of_its_runs() -> None:
    rng = np.random.default_rng(17)
    items = [
        ItemCounts(rng.random((40, 2)) + 1, np.arange(40), perplexity())
        for _ in range(3)
    ]
    found = estimate_of(items)
    alone = [estimate_of([one]).value for one in items]
    assert found.value == pytest.approx(np.mean(alone))
    assert found.runs == 3


def test_runs_that_are_the_same_add_nothing() -> None:
    rng = np.random.default_rng(18)
    one = mean_of(rng.uniform(size=50))
    assert stderr(estimate_of([one] * 4)) == pytest.approx(stderr(estimate_of([one])))
    other = replace(one, ratio=False)
    assert stderr(estimate_of([other] * 4)) == pytest.approx(
        stderr(estimate_of([other]))
    )


@pytest.mark.parametrize("linear", [True, False])
def test_what_runs_differ_beyond_their_items_is_added(linear: bool) -> None:
    """The components of a table of items and runs, by hand."""
    rng = np.random.default_rng(19)
    runs, items = 5, 300
    table = rng.uniform(size=(1, items)) + 0.3 * rng.uniform(size=(runs, items))
    table += np.array([0.0, 0.2, -0.1, 0.05, 0.1])[:, np.newaxis]
    found = estimate_of([replace(mean_of(row), ratio=linear) for row in table])
    of_items = table.mean(axis=0).var(ddof=1) / items
    left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    noise = (left**2).sum() / ((runs - 1) * (items - 1)) / items
    of_runs = (table.mean(axis=1).var(ddof=1) - noise) / runs
    expected = 100 * np.sqrt(of_items + of_runs)
    assert found.stderr == pytest.approx(expected, rel=1e-9 if linear else 0.02)
    df = (of_items + of_runs) ** 2 / (of_items**2 / (items - 1) + of_runs**2 / 4)
    half = scipy.stats.t.ppf(0.975, df) * expected
    low, high = interval(found)
    assert (high - low) / 2 == pytest.approx(half, rel=1e-3 if linear else 0.05)


def test_runs_of_two_models_are_not_paired() -> None:
    rng = np.random.default_rng(20)
    items = rng.uniform(size=400)
    ups = [0.0, 0.2, -0.1]
    a = [mean_of(items + up + 0.1 * rng.normal(size=400)) for up in ups]
    b = [mean_of(items + up + 0.1 * rng.normal(size=400)) for up in ups]
    found = paired_difference(a, b)
    same = paired_difference(a, b[::-1])
    assert found.stderr == pytest.approx(same.stderr)
    expected = 100 * np.std(ups, ddof=1) * np.sqrt(2 / 3)
    assert found.stderr == pytest.approx(expected, rel=0.05)
    one = paired_difference(a, b[:1])
    assert one.stderr == pytest.approx(expected / np.sqrt(2), rel=0.1)


def test_a_seed_that_helps_all_benchmarks_does_not_average_out() -> None:
    rng = np.random.default_rng(21)
    ups = np.array([0.0, 0.2, -0.1, 0.1])
    parts = [[mean_of(up + rng.uniform(size=500)) for up in ups] for _ in range(3)]
    found = average_estimate(parts)
    assert stderr(found) == pytest.approx(100 * ups.std(ddof=1) / 2, rel=0.1)
    assert found.runs == 4


# what cannot be told


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize(
    ("values", "labels", "why"),
    [
        ([0.3], [0], "one item: nothing tells how another would differ"),
        ([0.3, 0.1], [4, 4], "2 items of one cluster: nothing tells how another"),
    ],
)
def test_of_one_there_is_no_interval(
    values: list[float], labels: list[int], why: str, linear: bool
) -> None:
    items = replace(mean_of(values, labels), ratio=linear)
    found = estimate_of([items])
    assert found.value == pytest.approx(100 * np.mean(values))
    assert (found.low, found.high, found.stderr, found.method) == (None,) * 3 + ("",)
    assert why in found.why
    both = paired_difference([items], [items])
    assert (both.low, both.p, both.detectable, both.correlation) == (None,) * 4
    assert why in both.why
    ten = mean_of(np.arange(10.0))
    assert "a benchmark has" in average_estimate([[items], [ten]]).why


def test_the_same_twice_is_no_difference_and_says_so() -> None:
    rng = np.random.default_rng(22)
    items = ItemCounts(rng.random((30, 2)) + 1, np.arange(30), perplexity())
    found = paired_difference([items], [items])
    assert (found.difference, found.p, found.low, found.high) == (0, 1.0, None, None)
    assert "all 30 items are alike" in found.why


def test_a_value_that_is_no_number_says_so() -> None:
    items = ItemCounts(np.full((5, 2), [-1e6, 1.0]), np.arange(5), perplexity())
    found = estimate_of([items])
    assert found.value == np.inf
    assert (found.low, found.why) == (None, "the value is no finite number")


def test_resamples_without_a_value_are_told() -> None:
    """Of ten items one has anything counted: a third of the resamples have none."""
    counts = np.zeros((10, 2))
    counts[0] = [3, 4]
    items = ItemCounts(counts, np.arange(10), ratio(100.0))
    found = estimate_of([items])
    assert (found.value, found.low) == (75, None)
    assert "no number in 3" in found.why
    # a few are left out
    counts[:5] = [[3, 4], [1, 4], [2, 3], [2, 5], [4, 4]]
    found = estimate_of([replace(items, counts=counts)])
    assert found.low is not None
    assert found.low < found.value < found.high  # type: ignore[operator]


def test_no_interval_of_a_share_leaves_what_shares_can_be() -> None:
    found = estimate_of([right_or_wrong([1] * 9 + [0])])
    assert found.high == 100
    counted = estimate_of([mean_of([2.0] * 9 + [0])])
    assert counted.high is not None
    assert counted.high > 200


def test_a_coefficient_of_two_models_is_drawn_together() -> None:
    rng = np.random.default_rng(23)
    gold = rng.integers(2, size=600)
    said = [np.where(rng.random(600) < share, gold, 1 - gold) for share in (0.7, 0.8)]
    a, b = (
        ItemCounts(np.eye(4)[2 * gold + one], np.arange(600), matthews(100.0))
        for one in said
    )
    found = paired_difference([a], [b])
    for one, label in zip(said, ("a_value", "b_value"), strict=True):
        expected = 100 * np.corrcoef(gold, one)[0, 1]
        assert getattr(found, label) == pytest.approx(expected)
    assert interval(found)[0] < 20 < interval(found)[1]
    assert found.p is not None
    assert found.p < 0.01


@pytest.mark.slow
def test_ten_thousand_resamples_of_sixteen_thousand_items_take_no_time() -> None:
    rng = np.random.default_rng(24)
    a = rng.random(16_000) < 0.6
    b = np.where(rng.random(16_000) < 0.7, a, rng.random(16_000) < 0.6)
    for size in (1, 2, 10):
        pair = [in_clusters(one.reshape(-1, size)) for one in (a, b)]

        def compare(pair: list[ItemCounts] = pair) -> object:
            return bootstrap_difference(pair[:1], pair[1:])

        assert seconds(compare, 1) < 1
