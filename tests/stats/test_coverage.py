"""Of many samples of what is known, 95 % of the intervals hold it: simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np
import pytest
from drawn_items import (
    Numbers,
    cluster_labels,
    draw_answers,
    draw_numbers,
    in_clusters,
    mean_of,
    right_or_wrong,
)

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
)


pytestmark = pytest.mark.slow
SAMPLES = 1_000
# how many items a cluster has, and how alike they are
KINDS = list(product((1, 2, 10), (0.0, 0.3, 0.8)))


def covered(found: Iterable[Estimate | Difference], truth: float) -> float:
    """Return in which share of the intervals it is."""
    held = [
        one.low is not None and one.high is not None and one.low <= truth <= one.high
        for one in found
    ]
    return sum(held) / len(held)


def samples(
    draw: Callable[[np.random.Generator], Any], *key: int, times: int = SAMPLES
) -> Iterable[Any]:
    rng = np.random.default_rng(key)
    return (draw(rng) for _ in range(times))


def numbers(table: Numbers) -> ItemCounts:
    return mean_of(table.ravel(), cluster_labels(*table.shape))


@pytest.mark.parametrize(("size", "alike"), KINDS)
@pytest.mark.parametrize("clusters", [12, 60])
def test_means_in_clusters(clusters: int, size: int, alike: float) -> None:
    def draw(rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        a = draw_numbers(rng, clusters, size, alike)
        return a, 0.8 * a + 0.5 * draw_numbers(rng, clusters, size, alike)

    drawn = list(samples(draw, clusters, size, int(10 * alike)))
    values = covered((estimate_of([numbers(a)]) for a, _ in drawn), 0.0)
    differences = covered(
        (paired_difference([numbers(a)], [numbers(b)]) for a, b in drawn), 0.0
    )
    assert 0.93 <= values <= 0.97
    assert 0.93 <= differences <= 0.97


@pytest.mark.parametrize(("size", "alike"), KINDS)
@pytest.mark.parametrize("clusters", [60])
def test_accuracies_in_clusters(clusters: int, size: int, alike: float) -> None:
    def draw(rng: np.random.Generator) -> tuple[Any, Any]:
        a = draw_answers(rng, clusters, size, alike, 0.6)
        other = draw_answers(rng, clusters, size, alike, 0.7)
        return a, np.where(rng.random((clusters, 1)) < 0.5, a, other)

    drawn = list(samples(draw, clusters, size, int(10 * alike)))
    values = covered((estimate_of([in_clusters(a)]) for a, _ in drawn), 60.0)
    differences = covered(
        (paired_difference([in_clusters(a)], [in_clusters(b)]) for a, b in drawn), 5.0
    )
    assert 0.93 <= values <= 0.97
    assert 0.93 <= differences <= 0.97


def test_who_ignores_clusters_is_far_too_certain() -> None:
    """Thirty passages with ten questions each, as in Miller's own simulation."""
    rng = np.random.default_rng(1)
    tables = [draw_answers(rng, 30, 10, 0.3, 0.6) for _ in range(SAMPLES)]
    with_them = covered((estimate_of([in_clusters(one)]) for one in tables), 60.0)
    without = covered(
        (estimate_of([right_or_wrong(one.ravel())]) for one in tables), 60.0
    )
    assert 0.93 <= with_them <= 0.97
    assert without < 0.75


@pytest.mark.parametrize(("items", "share"), [(100, 0.95), (300, 0.97), (1000, 0.98)])
def test_accuracies_that_are_nearly_all_right(items: int, share: float) -> None:
    """There clusters - 1 degrees of freedom would cover 86 % (of 100 items)."""
    drawn = samples(lambda rng: rng.random(items) < share, items)
    found = covered((estimate_of([right_or_wrong(one)]) for one in drawn), 100 * share)
    assert 0.93 <= found <= 0.995


def test_clusters_of_all_sizes() -> None:
    def draw(rng: np.random.Generator) -> ItemCounts:
        sizes = np.minimum(rng.geometric(0.3, size=100), 20)
        labels = np.repeat(np.arange(100), sizes)
        own = rng.random(len(labels)) < 0.6
        of_cluster = (rng.random(100) < 0.6)[labels]
        return mean_of(np.where(rng.random(len(labels)) < 0.5, own, of_cluster), labels)

    found = covered((estimate_of([one]) for one in samples(draw, 2)), 60.0)
    assert 0.93 <= found <= 0.97


def test_of_equal_pairs_one_in_twenty_seems_unequal() -> None:
    def draw(rng: np.random.Generator) -> tuple[ItemCounts, ItemCounts]:
        hard = rng.random((200, 2))
        a, b = (in_clusters(rng.random((200, 2)) < hard) for _ in "ab")
        return a, b

    pairs = list(samples(draw, 3, times=2_000))
    by_t = [paired_difference([a], [b]).p for a, b in pairs]
    drawn = [bootstrap_difference([a], [b], resamples=999).p for a, b in pairs]
    for ps in (by_t, drawn):
        assert 0.04 <= np.mean([p is not None and p <= 0.05 for p in ps]) <= 0.06


@pytest.mark.parametrize("differ", [2, 4, 8])
def test_few_items_that_differ_seem_unequal_no_oftener(differ: int) -> None:
    """About so many of 300 items are right for one of two equal models only."""

    def draw(rng: np.random.Generator) -> tuple[ItemCounts, ItemCounts]:
        a = rng.random(300) < 0.6
        b = np.where(rng.random(300) < differ / 300, rng.random(300) < 0.5, a)
        first = rng.random(300) < 0.5
        one, other = np.where(first, a, b), np.where(first, b, a)
        return right_or_wrong(one), right_or_wrong(other)

    ps = [paired_difference([a], [b]).p for a, b in samples(draw, 4, differ)]
    assert np.mean([p is not None and p <= 0.05 for p in ps]) <= 0.05


@pytest.mark.parametrize("together", [None, ["s"] * 4], ids=["apart", "together"])
@pytest.mark.parametrize("clusters", [12, 60])
def test_averages_of_benchmarks(clusters: int, together: list[str] | None) -> None:
    ups = np.array([0.0, 0.5, -0.4, 0.1])

    def draw(rng: np.random.Generator) -> list[tuple[Numbers, Numbers]]:
        hard = draw_numbers(rng, clusters, 2, 0.3)
        pairs = []
        for up in ups:
            if together is None:
                hard = draw_numbers(rng, clusters, 2, 0.3)
            a, b = (hard + up + draw_numbers(rng, clusters, 2, 0.3) for _ in "ab")
            pairs.append((a, b + up))
        return pairs

    drawn = [
        [([numbers(a)], [numbers(b)]) for a, b in one]
        for one in samples(draw, clusters)
    ]
    values = (average_estimate([a for a, _ in one], together=together) for one in drawn)
    differences = (average_difference(one, together=together) for one in drawn)
    assert 0.93 <= covered(values, 100 * ups.mean()) <= 0.97
    assert 0.93 <= covered(differences, 100 * ups.mean()) <= 0.97


@pytest.mark.parametrize("many", [4, 12])
def test_averages_of_random_benchmarks(many: int) -> None:
    def draw(rng: np.random.Generator) -> list[list[ItemCounts]]:
        return [
            [mean_of(up + rng.normal(size=100))]
            for up in rng.normal(scale=0.4, size=many)
        ]

    drawn = list(samples(draw, many, times=800))
    found = (average_estimate(one, benchmarks="random") for one in drawn)
    assert 0.93 <= covered(found, 0.0) <= 0.97
    # what these benchmarks are is known far better than what their kind is
    assert covered(map(average_estimate, drawn), 0.0) < 0.6


def test_averages_with_a_benchmark_that_is_often_all_right() -> None:
    def draw(rng: np.random.Generator) -> list[list[ItemCounts]]:
        return [
            [right_or_wrong(rng.random(items) < share)]
            for items, share in ((60, 0.97), (400, 0.6), (300, 0.5))
        ]

    drawn = list(samples(draw, 5))
    alike = sum(bool(one[0][0].counts[:, 0].all()) for one in drawn)
    assert alike > 0.1 * len(drawn)
    found = covered(map(average_estimate, drawn), 100 * (0.97 + 0.6 + 0.5) / 3)
    assert 0.93 <= found <= 0.97


@pytest.mark.parametrize("apart", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(("runs", "least"), [(3, 0.9), (5, 0.93)])
def test_means_of_runs(runs: int, least: float, apart: float) -> None:
    """Three runs tell little of how far runs are apart, where that is all there is."""

    def draw(rng: np.random.Generator) -> list[list[ItemCounts]]:
        hard = rng.normal(size=100)
        return [
            [mean_of(hard + up + rng.normal(size=100)) for up in ups]
            for ups in rng.normal(scale=apart, size=(2, runs))
        ]

    drawn = list(samples(draw, runs, int(10 * apart)))
    assert least <= covered((estimate_of(a) for a, _ in drawn), 0.0) <= 0.97
    assert least <= covered((paired_difference(a, b) for a, b in drawn), 0.0) <= 0.975


@pytest.mark.parametrize("clusters", [30, 200])
def test_perplexities_and_coefficients(clusters: int) -> None:
    def draw(rng: np.random.Generator) -> tuple[ItemCounts, ItemCounts]:
        units = rng.integers(50, 400, size=clusters) * 1.0
        losses = -units * rng.gamma(8, 0.15, size=clusters)
        cells = rng.choice(4, p=[0.35, 0.15, 0.1, 0.4], size=clusters)
        labels = np.arange(clusters)
        return (
            ItemCounts(np.stack([losses, units], 1), labels, perplexity()),
            ItemCounts(np.eye(4)[cells], labels, matthews(100.0)),
        )

    drawn = list(samples(draw, clusters, times=800))
    found = [[estimate_of([one], resamples=2_000) for one in pair] for pair in drawn]
    truth = float(matthews(100.0)(np.array([0.35, 0.15, 0.1, 0.4])))
    assert 0.925 <= covered((one for one, _ in found), np.exp(8 * 0.15)) <= 0.97
    assert 0.925 <= covered((one for _, one in found), truth) <= 0.97
