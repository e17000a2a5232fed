"""Values, differences and averages of either, each with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats.changed_items import Changed, changed_items, sum_of_changed
from lm_eval_iberian.stats.cluster_bootstrap import KEY, RESAMPLES
from lm_eval_iberian.stats.estimate import Difference, Estimate
from lm_eval_iberian.stats.item_counts import Floats, ItemCounts
from lm_eval_iberian.stats.scatter import Scatter
from lm_eval_iberian.stats.uncertainty import (
    Benchmarks,
    resamples_for,
    uncertainty_of,
)
from lm_eval_iberian.stats.weighted_terms import WeightedValue, require_same_items


Runs = Sequence[ItemCounts]
Pair = tuple[Runs, Runs]


def estimate_of(runs: Runs, *, resamples: int = RESAMPLES, key: int = KEY) -> Estimate:
    """Return a metric's value, the mean of the runs, with its 95 % interval.

    Student's t with clusters - 1 on the clustered standard error (Miller 2024, for
    ratios linearised), or the percentiles of a bootstrap of clusters where the metric
    is no ratio. How runs differ beyond their items is added.

    Args:
        runs: The same items in the same order in each.
        resamples: How many, of the bootstrap.
        key: What the draws are made of.

    Raises:
        DataError: There is no run, or they are not of the same items.
    """
    return average_estimate([runs], resamples=resamples, key=key)


def average_estimate(
    parts: Sequence[Runs],
    *,
    together: Sequence[Hashable] | None = None,
    benchmarks: Benchmarks = "fixed",
    resamples: int = RESAMPLES,
    key: int = KEY,
) -> Estimate:
    """Return the mean of benchmarks' values, each counting the same.

    Args:
        parts: The runs of every benchmark.
        together: A label for every benchmark: those that share it have the same
            clusters, by their numbers, which are drawn together. Left out, none do.
        benchmarks: Whether they are the ones that matter (``fixed``), or a draw from
            more of their kind (``random``).
        resamples: How many, of the bootstrap, which is used where one is no ratio.
        key: What the draws are made of.

    Raises:
        DataError: There is no benchmark, or a benchmark's runs are not of the same
            items.
    """
    labels = _labels(len(parts), together)
    terms = [
        WeightedValue(runs, 1 / len(parts), number, label)
        for number, (runs, label) in enumerate(zip(parts, labels, strict=True))
    ]
    scatter = Scatter(terms, resamples_for(terms, resamples), key)
    found = uncertainty_of(scatter, benchmarks)
    return Estimate(
        value=scatter.value,
        low=found.low,
        high=found.high,
        stderr=found.stderr,
        n=sum(len(runs[0].counts) for runs in parts),
        clusters=scatter.clusters,
        runs=min(len(runs) for runs in parts),
        method=found.method,
        why=found.why,
    )


def paired_difference(
    a: Runs, b: Runs, *, resamples: int = RESAMPLES, key: int = KEY
) -> Difference:
    """Return how much more ``b`` has than the baseline ``a``, item by item.

    Student's t with clusters - 1 for ratios, :func:`bootstrap_difference` for others.

    Args:
        a: The runs of the baseline.
        b: Those of the other, of the same items in the same order.
        resamples: How many, of the bootstrap.
        key: What the draws are made of.

    Raises:
        DataError: They are not of the same items.
    """
    return average_difference([(a, b)], resamples=resamples, key=key)


def bootstrap_difference(
    a: Runs, b: Runs, *, resamples: int = RESAMPLES, key: int = KEY
) -> Difference:
    """Return the same as :func:`paired_difference`, by drawing clusters for ratios too.

    Both models are scored on the same draws.

    Raises:
        DataError: They are not of the same items.
    """
    return _difference([(a, b)], None, "fixed", resamples, key, drawn=True)


def average_difference(
    parts: Sequence[Pair],
    *,
    together: Sequence[Hashable] | None = None,
    benchmarks: Benchmarks = "fixed",
    resamples: int = RESAMPLES,
    key: int = KEY,
) -> Difference:
    """Return how two means of benchmarks' values differ, each counting the same.

    Args:
        parts: For every benchmark the runs of the baseline and of the other.
        together: As of :func:`average_estimate`.
        benchmarks: As of :func:`average_estimate`.
        resamples: How many, of the bootstrap, which is used where one is no ratio.
        key: What the draws are made of.

    Raises:
        DataError: There is no benchmark, or the items of one are not the same.
    """
    return _difference(parts, together, benchmarks, resamples, key, drawn=False)


def _difference(
    parts: Sequence[Pair],
    together: Sequence[Hashable] | None,
    benchmarks: Benchmarks,
    resamples: int,
    key: int,
    *,
    drawn: bool,
) -> Difference:
    labels = _labels(len(parts), together)
    terms: list[WeightedValue] = []
    for number, ((a, b), label) in enumerate(zip(parts, labels, strict=True)):
        require_same_items([*a[:1], *b[:1]], "models")
        terms.append(WeightedValue(a, -1 / len(parts), number, label, "a"))
        terms.append(WeightedValue(b, 1 / len(parts), number, label, "b"))
    scatter = Scatter(
        terms, resamples if drawn else resamples_for(terms, resamples), key
    )
    of_a = np.array([term.weight if term.model == "a" else 0.0 for term in terms])
    of_b = scatter.weights - of_a
    a_value, b_value = (
        float(np.mean([term.value for term in terms if term.model == model]))
        for model in "ab"
    )
    found = uncertainty_of(scatter, benchmarks)
    changed = sum_of_changed([changed_items(a, b) for a, b in parts]) or Changed()
    return Difference(
        a_value=a_value,
        b_value=b_value,
        difference=b_value - a_value,
        low=found.low,
        high=found.high,
        stderr=found.stderr,
        p=found.p,
        paired=True,
        n=sum(len(a[0].counts) for a, _ in parts),
        clusters=scatter.clusters,
        gained=changed.gained,
        lost=changed.lost,
        gained_by_chance=changed.gained_by_chance,
        lost_by_chance=changed.lost_by_chance,
        correlation=_correlation(scatter, of_a, of_b),
        detectable=found.detectable,
        method=found.method,
        why=found.why,
    )


def _correlation(scatter: Scatter, of_a: Floats, of_b: Floats) -> float | None:
    """Correlate what clusters add to the one value and to the other."""
    a, b = scatter.of_items(of_a), scatter.of_items(of_b)
    if not a.variance * b.variance > 0:
        return None
    both = -scatter.covariance(of_a, of_b) / np.sqrt(a.variance * b.variance)
    return float(np.clip(both, -1.0, 1.0))


def _labels(
    parts: int, together: Sequence[Hashable] | None
) -> Sequence[tuple[str, Hashable]]:
    if not parts:
        raise DataError("There is no benchmark to form an average of")
    if together is None:
        return [("alone", number) for number in range(parts)]
    if len(together) != parts:
        raise DataError(
            f"`together` has a label for each benchmark: {len(together)} for {parts}"
        )
    return [("together", label) for label in together]
