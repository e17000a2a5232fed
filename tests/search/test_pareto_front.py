"""The front, held against its definition."""

from __future__ import annotations

import numpy as np

from lm_eval_iberian.search.pareto_front import Point, covered_area, nobody_beats


def beaten(at: int, points: list[Point]) -> bool:
    a, b = points[at]
    return any(
        (x >= a and y >= b and (x > a or y > b)) or (other < at and (x, y) == (a, b))
        for other, (x, y) in enumerate(points)
        if other != at
    )


def test_against_the_definition() -> None:
    draw = np.random.Generator(np.random.Philox(5))
    for count in (0, 1, 2, 7, 40):
        for _ in range(50):
            # few values: many are alike
            points = [tuple(map(float, row)) for row in draw.integers(0, 6, (count, 2))]
            found = nobody_beats(points)  # type: ignore[arg-type]
            wanted = [at for at in range(count) if not beaten(at, points)]  # type: ignore[arg-type]
            assert sorted(found) == wanted
            firsts = [points[at][0] for at in found]
            assert firsts == sorted(firsts, reverse=True)


def test_the_area_is_that_of_its_squares() -> None:
    draw = np.random.Generator(np.random.Philox(6))
    for _ in range(100):
        points = [tuple(map(float, row)) for row in draw.integers(-2, 8, (6, 2))]
        squares = {
            (x, y)
            for a, b in points
            for x in range(int(a))
            for y in range(int(b))
        }  # fmt: skip
        assert covered_area(points, (0.0, 0.0)) == len(squares)  # type: ignore[arg-type]
