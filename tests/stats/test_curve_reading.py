"""Curves are read where they reach a value: by hand, and many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from lm_eval_iberian.stats import PointCurves, common_range, mean_differences, read_at


Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Read:
    why: str
    points: Points
    at: float
    wanted: float


READ = [
    Read("between two points", ((0, 90), (50, 70), (75, 50)), 25, 80),
    Read("at a point", ((0, 90), (50, 70), (75, 50)), 50, 70),
    Read("at the first", ((0, 90), (50, 70)), 0, 90),
    Read("at the last", ((0, 90), (50, 70)), 50, 70),
    Read("beyond the last nothing is made up", ((0, 90), (50, 70)), 50.1, math.nan),
    Read("nor before the first", ((10, 90), (50, 70)), 9.9, math.nan),
    Read("it falls again: the first", ((0, 90), (60, 60), (20, 5)), 40, 70),
    Read("even if a later one is higher", ((0, 40), (60, 10), (0, 90)), 30, 25),
    Read("it falls before it rises", ((0, 90), (-20, 80), (60, 40)), 20, 60),
    Read("two points on each other", ((0, 90), (50, 70), (50, 60)), 50, 70),
    Read("a point that is nothing", ((0, 90), (math.nan, 1), (50, 70)), 20, math.nan),
]


def curve(points: Points) -> PointCurves:
    table = np.array(points, np.float64)
    return PointCurves(table[:, 0], table[:, 1])


@pytest.mark.parametrize("case", READ, ids=lambda case: case.why)
def test_a_curve_is_read(case: Read) -> None:
    found = float(read_at(curve(case.points), case.at))
    assert found == pytest.approx(case.wanted, nan_ok=True)


def test_many_curves_are_read_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    xs, ys = rng.normal(size=(200, 7)), rng.normal(size=(200, 7))
    at = rng.normal(size=200)
    together = read_at(PointCurves(xs, ys), at)
    for row in range(200):
        steps = zip(xs[row], xs[row][1:], ys[row], ys[row][1:], strict=False)
        alone = math.nan
        for x0, x1, y0, y1 in steps:
            if min(x0, x1) <= at[row] <= max(x0, x1):
                alone = y0 + (at[row] - x0) / (x1 - x0) * (y1 - y0)
                break
        assert together[row] == pytest.approx(alone, nan_ok=True)
    assert 0 < np.isnan(together).sum() < 200


def test_the_mean_difference_is_the_area_by_the_width() -> None:
    a = curve(((0, 90), (50, 70), (80, 40)))
    b = curve(((0, 90), (100, 90)))
    low, high = common_range(a, b)
    assert (float(low), float(high)) == (0, 80)
    # of a the mean is 80 over 50, then 55 over 30
    wanted = 90 - (50 * 80 + 30 * 55) / 80
    assert float(mean_differences(a, b)) == pytest.approx(wanted, abs=0.05)
    assert float(mean_differences(b, a)) == pytest.approx(-wanted, abs=0.05)
    assert math.isnan(float(mean_differences(a, curve(((90, 1), (95, 2))))))
