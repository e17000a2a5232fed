"""Of points with two values each, those that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence


Point = tuple[float, float]


def nobody_beats(points: Sequence[Point]) -> list[int]:
    """Return the places of the front's points, the highest first value first.

    A point is beaten by one that is as high in both and higher in one. Of points that
    are alike the first stands for all.

    >>> nobody_beats([(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (2.0, 1.0)])
    [1, 0]
    """
    order = sorted(range(len(points)), key=lambda at: (*_down(points[at]), at))
    found: list[int] = []
    best = float("-inf")
    for at in order:
        if points[at][1] > best:
            found.append(at)
            best = points[at][1]
    return found


def covered_area(points: Sequence[Point], corner: Point) -> float:
    """Return the area of what points beat, down to a corner: the hypervolume of two.

    >>> covered_area([(1.0, 2.0), (2.0, 1.0)], (0.0, 0.0))
    3.0
    """
    total, reached = 0.0, corner[1]
    for at in nobody_beats(points):
        first, second = points[at]
        if first > corner[0] and second > reached:
            total += (first - corner[0]) * (second - reached)
            reached = second
    return total


def _down(point: Point) -> Point:
    return -point[0], -point[1]
