"""Differences and averages of values whose items nobody has: by stored standard errors.

Whether two models were right on the same items cannot be told of these: what they have
in common is not taken off, and the interval is wider than a paired one would be.
"""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import intervals
from lm_eval_iberian.stats.estimate import Difference, Estimate
from lm_eval_iberian.stats.scatter import Spread, together_spread
from lm_eval_iberian.stats.uncertainty import Benchmarks


def stored_difference(a: Estimate, b: Estimate) -> Difference:
    """Return how much more ``b`` has than ``a``, as if they shared no item.

    Welch's t where it is known of how many clusters (or items) they are, the normal
    distribution where not.

    Raises:
        DataError: A value is no finite number, or a standard error is none.
    """
    found = Difference(
        a_value=a.value,
        b_value=b.value,
        difference=b.value - a.value,
        paired=False,
        n=a.n if a.n == b.n else None,
        clusters=a.clusters if a.clusters == b.clusters else None,
        method="stored",
    )
    spread, why = _summed([a, b], 1.0)
    if spread is None:
        return replace(found, why=why)
    low, high = intervals.t_interval(found.difference, spread)
    return replace(
        found,
        low=low,
        high=high,
        stderr=spread.stderr,
        p=intervals.t_p(found.difference, spread),
        detectable=intervals.detectable(spread),
    )


def stored_average(
    parts: Sequence[Estimate],
    *,
    together: Sequence[Hashable] | None = None,
    benchmarks: Benchmarks = "fixed",
) -> Estimate:
    """Return the mean of benchmarks' values, each counting the same.

    Args:
        parts: The values.
        together: A label for every benchmark. Where all share one they are of the same
            items: how far they go together is not stored, and the error is the largest
            there can be. Otherwise, and left out, they share no item.
        benchmarks: Whether they are the ones that matter (``fixed``), or a draw from
            more of their kind (``random``).

    Raises:
        DataError: There is none, a value is no finite number, or a standard error is
            none.
    """
    whole = _average(parts)
    errors = [part.stderr for part in parts if part.stderr is not None]
    is_one = together is not None and len(set(together)) == 1
    if len(parts) > 1 and is_one and len(errors) == len(parts):
        error = statistics.fmean(errors)
        joint = _average([replace(parts[0], value=whole.value, stderr=error)])
        whole = replace(joint, n=whole.n, clusters=whole.clusters, runs=whole.runs)
    if benchmarks == "fixed" or len(parts) < 2:
        return whole
    among = statistics.variance([part.value for part in parts]) / len(parts)
    spread = Spread(max(among, (whole.stderr or 0.0) ** 2), len(parts) - 1.0)
    if not spread.variance:
        return whole
    low, high = intervals.t_interval(whole.value, spread)
    return replace(whole, low=low, high=high, stderr=spread.stderr, why="")


def stored_average_difference(
    parts: Sequence[Difference],
    *,
    together: Sequence[Hashable] | None = None,
    benchmarks: Benchmarks = "fixed",
) -> Difference:
    """Return the mean of benchmarks' differences, not all of which are paired.

    Args:
        parts: The differences.
        together: As of :func:`stored_average`.
        benchmarks: As of :func:`stored_average`.

    Raises:
        DataError: There is none, or a difference is no finite number.
    """
    if len(parts) == 1:
        return parts[0]
    values = [
        Estimate(d.difference, None, None, d.stderr, d.n, d.clusters) for d in parts
    ]
    whole = stored_average(values, together=together, benchmarks=benchmarks)
    # of a draw of benchmarks there are as many as benchmarks
    of = len(parts) if benchmarks == "random" else whole.n
    known = replace(whole, n=of, clusters=None)
    return replace(
        stored_difference(Estimate(0.0, stderr=0.0), known),
        a_value=statistics.fmean(one.a_value for one in parts),
        b_value=statistics.fmean(one.b_value for one in parts),
        n=whole.n,
    )


def _average(parts: Sequence[Estimate]) -> Estimate:
    """Return the mean of values that share no item."""
    if not parts:
        raise DataError("There is no benchmark to form an average of")
    found = Estimate(
        value=float(np.mean([part.value for part in parts])),
        n=_sum([part.n for part in parts]),
        clusters=_sum([part.clusters for part in parts]),
        runs=min(part.runs for part in parts),
        method="stored",
    )
    spread, why = _summed(parts, 1 / len(parts))
    if spread is None:
        return replace(found, why=why)
    low, high = intervals.t_interval(found.value, spread)
    return replace(found, low=low, high=high, stderr=spread.stderr)


def _summed(parts: Sequence[Estimate], weight: float) -> tuple[Spread | None, str]:
    """Return how the sum varies, or why that is not known."""
    components = []
    for part in parts:
        if not np.isfinite(part.value):
            raise DataError(f"A value is no finite number: {part.value}")
        if part.stderr is None:
            return None, "a standard error was not stored"
        if not 0 <= part.stderr < np.inf:
            raise DataError(f"A standard error is a number from 0 on: {part.stderr}")
        known = part.clusters or part.n
        if known == 1:
            return None, "one item: nothing tells how another would differ"
        df = np.inf if known is None else known - 1.0
        components.append(Spread((weight * part.stderr) ** 2, df))
    spread = together_spread(components)
    if spread.variance == 0:
        return None, "the stored standard errors are 0: no item differs from another"
    return spread, ""


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
