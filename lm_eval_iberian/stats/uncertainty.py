"""All that can be told of how certain a weighted sum of benchmarks' values is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lm_eval_iberian.stats import intervals
from lm_eval_iberian.stats.item_counts import Floats
from lm_eval_iberian.stats.scatter import Scatter, Spread
from lm_eval_iberian.stats.weighted_terms import WeightedValue


Benchmarks = Literal["fixed", "random"]
# the share of resamples that may have no value
_MAY_BE_UNDEFINED = 0.01


@dataclass(frozen=True)
class Uncertainty:
    """An interval and a p against 0, or why there are none.

    Args:
        low: Where the interval begins.
        high: Where it ends.
        stderr: The standard error.
        p: Two-sided, against 0.
        detectable: What is found in four cases of five.
        method: ``t``, ``bootstrap`` or ``exact``.
        why: Why something is missing, or what is special.
    """

    low: float | None = None
    high: float | None = None
    stderr: float | None = None
    p: float | None = None
    detectable: float | None = None
    method: str = ""
    why: str = ""


def uncertainty_of(scatter: Scatter, benchmarks: Benchmarks = "fixed") -> Uncertainty:
    """Return how certain the sum is: Student's t, or a bootstrap where it has draws."""
    if not np.isfinite([term.value for term in scatter.terms]).all():
        return Uncertainty(why="the value is no finite number")
    if min(one.clusters for one in scatter.shared) < 2:
        return Uncertainty(why=_one_cluster(scatter))
    draws = scatter.draws
    undefined = 0.0 if draws is None else 1 - float(np.isfinite(draws).mean())
    if undefined > _MAY_BE_UNDEFINED:
        return Uncertainty(
            why=f"it is no number in {undefined:.0%} of the resamples: too few items"
            " can be counted"
        )
    if benchmarks == "random":
        return _of_random_benchmarks(scatter)
    spread = scatter.spread()
    if scatter.is_nothing(spread):
        return _all_alike(scatter)
    if draws is None:
        return _by_t(scatter, spread)
    found = _drawn(scatter, spread, draws[np.isfinite(draws)])
    return found or _by_t(scatter, spread, "bootstrap")


def _by_t(scatter: Scatter, spread: Spread, method: str = "t") -> Uncertainty:
    return Uncertainty(
        *_within_bounds(scatter, intervals.t_interval(scatter.value, spread)),
        stderr=spread.stderr,
        p=intervals.t_p(scatter.value, spread),
        detectable=intervals.detectable(spread),
        method=method,
    )


def _drawn(scatter: Scatter, spread: Spread, draws: Floats) -> Uncertainty | None:
    items = scatter.of_items()
    if items.variance == 0:
        return None
    # runs make it vary more than the clusters that were drawn
    draws = draws * np.sqrt(spread.variance / items.variance)
    interval = intervals.drawn_interval(scatter.value, draws, spread.df)
    if interval is None:
        return None
    return Uncertainty(
        *_within_bounds(scatter, interval),
        stderr=spread.stderr,
        p=intervals.drawn_p(scatter.value, draws, spread),
        detectable=intervals.detectable(spread),
        method="bootstrap",
    )


def _all_alike(scatter: Scatter) -> Uncertainty:
    """Bound what varies in no cluster; 0 wide it would say too much."""
    items = sum(_items(scatter).values())
    unit = "items" if items == scatter.clusters else "clusters"
    same = f"all {scatter.clusters} {unit} are alike"
    interval = intervals.exact_interval(scatter)
    if interval is None:
        return Uncertainty(
            stderr=0.0,
            p=1.0 if scatter.value == 0 else None,
            why=f"{same}: nothing tells how others would differ",
        )
    return Uncertainty(
        *_within_bounds(scatter, interval),
        stderr=0.0,
        p=intervals.exact_p(scatter),
        method="exact",
        why=f"{same}: the interval is how many others there may be (Clopper-Pearson)",
    )


def _of_random_benchmarks(scatter: Scatter) -> Uncertainty:
    """Take the benchmarks for a draw from more of their kind: t with one less.

    Their values vary by what the benchmarks are and by their items. Where benchmarks
    share items their values vary less among each other than they are uncertain: their
    mean covariance is added. Never less than what it is with the benchmarks fixed.
    """
    numbers = sorted({term.benchmark for term in scatter.terms})
    many = len(numbers)
    if many < 2:
        return Uncertainty(why="one benchmark: nothing tells how others would differ")
    own = [_weights_of(scatter, number) * many for number in numbers]
    values = [
        sum(w * term.value for w, term in zip(weights, scatter.terms, strict=True))
        for weights in own
    ]
    fixed = scatter.spread()
    of_each = sum(scatter.of_items(weights).variance for weights in own)
    shared = (many**2 * scatter.of_items().variance - of_each) / (many * (many - 1))
    among = float(np.var(values, ddof=1)) / many
    variance = max(fixed.variance, among + max(0.0, shared))
    spread = Spread(variance, many - 1.0)
    return _all_alike(scatter) if scatter.is_nothing(spread) else _by_t(scatter, spread)


def _weights_of(scatter: Scatter, benchmark: int) -> Floats:
    return np.array(
        [term.weight if term.benchmark == benchmark else 0.0 for term in scatter.terms]
    )


def _within_bounds(
    scatter: Scatter, interval: intervals.Interval
) -> intervals.Interval:
    """Let no interval reach values that there are not."""
    lows, highs = [], []
    for term in scatter.terms:
        if term.bounds is None:
            return interval
        ends = [term.weight * end for end in term.bounds]
        lows.append(min(ends))
        highs.append(max(ends))
    return max(interval[0], sum(lows)), min(interval[1], sum(highs))


def _one_cluster(scatter: Scatter) -> str:
    items = min(_items(scatter).values())
    found = "one item" if items == 1 else f"{items} items of one cluster"
    where = "a benchmark has " if len(_items(scatter)) > 1 else ""
    return f"{where}{found}: nothing tells how another would differ"


def _items(scatter: Scatter) -> dict[int, int]:
    # by the number of the benchmark
    return {term.benchmark: len(term.runs[0].counts) for term in scatter.terms}


def resamples_for(terms: Sequence[WeightedValue], resamples: int) -> int:
    """Return how often clusters are drawn: never where all values are ratios."""
    linear = all(run.ratio for term in terms for run in term.runs)
    return 0 if linear else resamples
