"""Fast draws have the distribution of clusters drawn one by one, in bounded memory."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from timing import seconds

from lm_eval_iberian.stats import cluster_bootstrap
from lm_eval_iberian.stats.cluster_bootstrap import distinct_rows, resampled_sums


Numbers = NDArray[np.float64]


def one_by_one(rows: Numbers, resamples: int, key: int) -> Numbers:
    """Reference: draw as many clusters as there are, and add what they count."""
    rng = np.random.default_rng(key)
    sums = []
    for _ in range(resamples):
        total = np.zeros(rows.shape[1])
        for _ in range(len(rows)):
            total += rows[rng.integers(len(rows))]
        sums.append(total)
    return np.array(sums)


# few rows of which each comes often, and rows that all differ
POOLED = np.repeat(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]), (30, 20, 10), axis=0)
APART = np.arange(120.0).reshape(60, 2) % 17


@pytest.mark.parametrize("rows", [POOLED, APART], ids=["pooled", "apart"])
def test_the_sums_vary_as_those_of_clusters_drawn_one_by_one(rows: Numbers) -> None:
    found = resampled_sums(rows, 20_000, 3)
    slow = one_by_one(rows, 2_000, 4)
    covariance = len(rows) * np.cov(rows.T, bias=True)
    for sums in (found, slow):
        error = np.sqrt(np.diag(covariance) / len(sums))
        assert (np.abs(sums.mean(axis=0) - rows.sum(axis=0)) < 4 * error).all()
        assert np.cov(sums.T) == pytest.approx(covariance, rel=0.15)
    levels = np.linspace(0.05, 0.95, 10)
    quantiles = [np.quantile(sums[:, 0], levels) for sums in (found, slow)]
    assert np.abs(quantiles[0] - quantiles[1]).max() < 0.25 * found[:, 0].std()


@pytest.mark.parametrize("fewer", [0, 1])
def test_every_outcome_comes_as_often_as_it_should(
    fewer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three clusters, two of them alike, all 27 ways to draw are counted."""
    monkeypatch.setattr(cluster_bootstrap, "_FEWER", fewer)
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    ways = Counter(
        tuple(rows[list(draw)].sum(axis=0)) for draw in product(range(3), repeat=3)
    )
    found = Counter(map(tuple, resampled_sums(rows, 27_000, 5)))
    assert set(found) == set(ways)
    off = sum((found[one] - 1_000 * n) ** 2 / (1_000 * n) for one, n in ways.items())
    assert off < 16.3  # chi square with 3 degrees of freedom, p = .001


@pytest.mark.parametrize("rows", [POOLED, APART], ids=["pooled", "apart"])
def test_chunks_change_nothing(rows: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resampled_sums(rows, 100, 6)
    monkeypatch.setattr(cluster_bootstrap, "_CHUNK", 130)
    assert np.allclose(resampled_sums(rows, 100, 6), whole, rtol=1e-12)


def test_the_same_key_gives_the_same_and_another_does_not() -> None:
    assert np.array_equal(resampled_sums(APART, 50, 1), resampled_sums(APART, 50, 1))
    assert not np.array_equal(
        resampled_sums(APART, 50, 1), resampled_sums(APART, 50, 2)
    )


def test_rows_are_pooled_in_the_order_in_which_they_come() -> None:
    rows = np.array([[2.0, 1.0], [0.0, 5.0], [2.0, 1.0]])
    distinct, often = distinct_rows(rows)
    assert distinct.tolist() == [[2, 1], [0, 5]]
    assert often.tolist() == [2, 1]


@pytest.mark.slow
def test_ten_thousand_resamples_of_sixteen_thousand_items_are_quick_and_small() -> None:
    rng = np.random.default_rng(8)
    right = rng.random((16_000, 2)) < 0.6
    rows = np.stack([right[:, 0], np.ones(16_000), right[:, 1], np.ones(16_000)], 1)
    assert seconds(lambda: resampled_sums(rows, 10_000), 1) < 1
    unlike = np.column_stack([rng.normal(size=16_000), rows])
    tracemalloc.start()
    resampled_sums(unlike, 1_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6
