"""What is told without items: by standard errors alone."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.stats import (
    Difference,
    Estimate,
    intervals,
    stored_average,
    stored_difference,
)
from lm_eval_iberian.stats.scatter import Spread


def stored_value(cell: Cell, metric: str) -> Estimate:
    """Return a value with the standard error that lm-eval stored.

    Of a mean over runs, which are of the same items, it is that of a single run: more
    than it would be, and never less.
    """
    measure = cell.measures[metric]
    stderr = measure.stderr
    errors = [result.measures[metric].stderr for result in cell.results]
    known = [error for error in errors if error is not None]
    if len(measure.runs) > 1 and len(known) == len(errors):
        stderr = statistics.fmean(error**2 for error in known) ** 0.5
    runs = max(1, len(measure.runs))
    return Estimate(measure.value, None, None, stderr, cell.n, None, runs, "stored")


def mean_of_stored(
    parts: Sequence[Estimate], families: Sequence[str], benchmarks: str
) -> Estimate:
    """Return the mean of values, each counting the same, with its interval.

    Benchmarks of one family, directions of translation, are of the same items: how far
    they go together is not stored, and the error is the largest there can be.

    Args:
        parts: The values.
        families: That of each benchmark.
        benchmarks: ``fixed`` or ``random``.
    """
    whole = stored_average(parts)
    errors = [one.stderr for one in parts if one.stderr is not None]
    if len(parts) > 1 and len(set(families)) == 1 and len(errors) == len(parts):
        error = statistics.fmean(errors)
        joint = stored_average([replace(parts[0], value=whole.value, stderr=error)])
        whole = replace(joint, n=whole.n, clusters=whole.clusters, runs=whole.runs)
    if benchmarks == "fixed" or len(parts) < 2:
        return whole
    among = statistics.variance([one.value for one in parts]) / len(parts)
    spread = Spread(max(among, (whole.stderr or 0.0) ** 2), len(parts) - 1.0)
    if not spread.variance:
        return whole
    low, high = intervals.t_interval(whole.value, spread)
    return replace(whole, low=low, high=high, stderr=spread.stderr, why="")


def joined_differences(
    parts: Sequence[Difference], families: Sequence[str], benchmarks: str
) -> Difference:
    """Return the mean of benchmarks' differences, not all of which are paired.

    Args:
        parts: The differences, one at least.
        families: That of each benchmark.
        benchmarks: ``fixed`` or ``random``.
    """
    if len(parts) == 1:
        return parts[0]
    values = [
        Estimate(d.difference, None, None, d.stderr, d.n, d.clusters) for d in parts
    ]
    whole = mean_of_stored(values, families, benchmarks)
    # of a draw of benchmarks there are as many as benchmarks
    of = len(parts) if benchmarks == "random" else whole.n
    known = replace(whole, n=of, clusters=None)
    return replace(
        stored_difference(Estimate(0.0, stderr=0.0), known),
        a_value=statistics.fmean(one.a_value for one in parts),
        b_value=statistics.fmean(one.b_value for one in parts),
        n=whole.n,
    )
