"""A curve of points in an order, read where it reaches a value: many curves at once.

From point to point the curve is a straight line. Where it reaches a value several times
the first counts, in the order of the points. The highest would be chosen among noisy
scores, and be too high by chance, the more so the more points a curve has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lm_eval_iberian.stats.item_counts import Floats


# at how many values a mean over a range is formed
_STEPS = 64


class PointCurves(NamedTuple):
    """Curves, all of as many points.

    Args:
        xs: Of shape (..., points): where each point is.
        ys: Of a shape that can be brought to it: what is read there.
    """

    xs: Floats
    ys: Floats


def read_at(curve: PointCurves, at: Floats | float) -> Floats:
    """Return what curves have at a value, not a number where they do not reach it.

    Args:
        curve: The curves.
        at: The value, or one for each curve: of the shape (...).
    """
    xs, ys = np.broadcast_arrays(curve.xs, curve.ys)
    where = np.broadcast_to(at, xs.shape[:-1])[..., np.newaxis]
    begin, end = xs[..., :-1], xs[..., 1:]
    below, above = ys[..., :-1], ys[..., 1:]
    with np.errstate(invalid="ignore"):
        reached = (np.minimum(begin, end) <= where) & (where <= np.maximum(begin, end))
    first = reached.argmax(axis=-1)[..., np.newaxis]
    x0, x1 = (np.take_along_axis(one, first, -1)[..., 0] for one in (begin, end))
    y0, y1 = (np.take_along_axis(one, first, -1)[..., 0] for one in (below, above))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(x1 == x0, 0.0, (where[..., 0] - x0) / (x1 - x0))
        read = y0 + share * (y1 - y0)
    return np.where(reached.any(axis=-1), read, np.nan)


def common_range(*curves: PointCurves) -> tuple[Floats, Floats]:
    """Return from where to where all of some curves reach."""
    low = np.max([curve.xs.min(axis=-1) for curve in curves], axis=0)
    high = np.min([curve.xs.max(axis=-1) for curve in curves], axis=0)
    return low, high


def mean_differences(a: PointCurves, b: PointCurves) -> Floats:
    """Return by how much ``b`` is above ``a``, on average over what both reach.

    It is the area between them, divided by the width of the range; not a number where
    they share none.
    """
    low, high = common_range(a, b)
    total: Floats = np.zeros(low.shape)
    for step in range(_STEPS):
        at = low + (high - low) * (step + 0.5) / _STEPS
        total = total + read_at(b, at) - read_at(a, at)
    return np.where(high > low, total / _STEPS, np.nan)
