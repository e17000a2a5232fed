"""From how much a value varies to an interval, a p and what could have been found."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy import special

from lm_eval_iberian.stats.estimate import LEVEL, POWER
from lm_eval_iberian.stats.item_counts import Floats
from lm_eval_iberian.stats.scatter import Scatter, Spread


ALPHA = 1 - LEVEL
# fewer draws than these beyond an end of an interval do not tell where it is
_BEYOND = 5
Interval = tuple[float, float]


def t_interval(value: float, spread: Spread) -> Interval:
    """Return Student's interval around a value."""
    return value - spread.half_width, value + spread.half_width


def t_p(value: float, spread: Spread) -> float:
    """Return how often Student's t is as far from 0 as this, two-sided."""
    p = 2 * special.stdtr(spread.df, -abs(value) / spread.stderr)
    return max(float(p), sys.float_info.min)


def critical_t(df: float) -> float:
    """Return what t exceeds in one case of forty."""
    return float(special.stdtrit(df, 1 - ALPHA / 2))


def detectable(spread: Spread) -> float:
    """Return the difference that is found in four cases of five with such a spread.

    For it, the t of a two-sided test at .05, which is not central then, exceeds the
    critical one with the probability ``POWER``.
    """
    away = special.nctdtrinc(spread.df, 1 - POWER, critical_t(spread.df))
    return float(away) * spread.stderr


def drawn_interval(value: float, draws: Floats, df: float) -> Interval | None:
    """Return the percentile interval of a bootstrap, expanded for few clusters.

    Hesterberg (2015): its ends are the percentiles that the normal distribution has
    where Student's t has 2.5 and 97.5, because draws of few clusters vary as little as
    the normal. ``None`` where draws do not reach so far.

    Args:
        value: The value.
        draws: How far each draw is from it.
        df: Those of t.
    """
    beyond = special.ndtr(-critical_t(df)) * (len(draws) + 1)
    if beyond < _BEYOND:
        return None
    ordered, nth = np.sort(draws), int(beyond)
    return value + float(ordered[nth - 1]), value + float(ordered[-nth])


def drawn_p(value: float, draws: Floats, spread: Spread) -> float:
    """Return the p that agrees with :func:`drawn_interval`, two-sided and never 0.

    Twice the share of draws beyond 0, ``(k + 1) / (draws + 1)``, as a quantile of the
    normal distribution, is looked up in Student's t. Where no draw is beyond 0 that
    would be the same however far away 0 is (.0002 of ten thousand draws, which Holm
    makes a large one among hundreds of tests): the quantile then grows as 0 is further
    away than the furthest draw, and no more than the standard error lets it.

    Args:
        value: The value.
        draws: How far each draw is from it.
        spread: How it varies, with the degrees of freedom of t.
    """
    around = value + draws
    beyond = min(int((around <= 0).sum()), int((around >= 0).sum()))
    share = min(1.0, 2 * (beyond + 1) / (len(draws) + 1))
    away = float(-special.ndtri(share / 2))
    reach = float((-np.sign(around[0]) * draws).max())
    if not beyond and reach > 0:
        further = min(away * abs(value) / reach, abs(value) / spread.stderr)
        away = max(away, further)
    return max(float(2 * special.stdtr(spread.df, -away)), sys.float_info.min)


def exact_interval(scatter: Scatter, alpha: float = ALPHA) -> Interval | None:
    """Return an interval where no cluster differs from another; ``None`` if unbounded.

    It reaches as far as clusters may move the value that were not seen, with several
    sets of clusters at alpha divided by their number.
    """
    low = high = scatter.value
    for one in scatter.shared:
        unseen = one.unseen(alpha / len(scatter.shared))
        if unseen is None:
            return None
        low, high = low + unseen[0], high + unseen[1]
    return low, high


def exact_p(scatter: Scatter) -> float | None:
    """Return the alpha at which 0 is an end of :func:`exact_interval`."""

    def excluded(log_alpha: float) -> bool:
        found = exact_interval(scatter, float(np.exp(log_alpha)))
        return found is not None and not found[0] <= 0 <= found[1]

    if exact_interval(scatter) is None:
        return None
    return float(np.exp(_first_true(excluded, np.log(sys.float_info.min), 0.0)))


def _first_true(holds: Callable[[float], bool], begin: float, end: float) -> float:
    """Return where something begins to hold, or ``end`` where it does not."""
    if not holds(end):
        return end
    for _ in range(60):
        middle = (begin + end) / 2
        begin, end = (begin, middle) if holds(middle) else (middle, end)
    return end
