"""Of curves whose truth is known, 95 % of the intervals hold it: simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from drawn_items import right_or_wrong
from scipy.special import ndtri

from lm_eval_iberian.stats import (
    DrawnScores,
    Floats,
    PointCurves,
    SeedCurves,
    Uncertainty,
    draw_scores,
    mean_differences,
    read_at,
    uncertain_reading,
)


pytestmark = pytest.mark.slow
SAMPLES, RESAMPLES = 400, 499
# shares of the language and of instructions: instruct and expert, methods' points
Shares = tuple[tuple[float, float], ...]
ENDS: Shares = ((0.4, 0.8), (0.7, 0.3))
SLOW: Shares = ((0.46, 0.78), (0.53, 0.7), (0.6, 0.55), (0.66, 0.4), (0.69, 0.3))
QUICK: Shares = ((0.5, 0.79), (0.62, 0.65), (0.69, 0.5))
TURNS: Shares = ((0.5, 0.76), (0.62, 0.5), (0.64, 0.45), (0.55, 0.2), (0.48, 0.1))


@dataclass(frozen=True)
class Simulated:
    why: str
    a: Shares
    b: Shares
    # the gain; None for the mean over what both reach
    at: float | None
    items: tuple[int, int]


EQUAL = [
    Simulated("the same points", SLOW, SLOW, 50.0, (1000, 400)),
    Simulated("the mean", SLOW, SLOW, None, (1000, 400)),
    Simulated("both fall again", TURNS, TURNS, 40.0, (1000, 400)),
]
UNEQUAL = [
    Simulated("few points against many", SLOW, QUICK, 50.0, (1000, 400)),
    Simulated("towards the end", SLOW, QUICK, 75.0, (1000, 400)),
    Simulated("the mean", SLOW, QUICK, None, (1000, 400)),
    Simulated("one falls again", SLOW, TURNS, 40.0, (1000, 400)),
]


def answers(shares: list[float], items: int, rng: np.random.Generator) -> Floats:
    """Draw who has which item right: items are as hard for all, with luck of each."""
    hard = 0.8 * rng.normal(size=(items, 1))
    luck = 0.6 * rng.normal(size=(items, len(shares)))
    found: Floats = (hard + luck < ndtri(np.array(shares))).T
    return found


def gains(table: Floats) -> Floats:
    own = table - table[..., :1]
    return 100 * own / own[..., 1:2]


def drawn_sides(sides: Sequence[Floats], key: int) -> tuple[DrawnScores, DrawnScores]:
    """Draw answers of shape (models, items) of the language and of instructions."""
    across, upright = (
        draw_scores(
            [[[right_or_wrong(row)] for row in rows]], ["a"], resamples=RESAMPLES,
            key=2 * key + side,
        )
        for side, rows in enumerate(sides)
    )  # fmt: skip
    return (
        DrawnScores(
            gains(across.values[:, 0]), gains(across.draws[:, 0].T), across.clusters
        ),
        DrawnScores(
            upright.values[:, 0], upright.draws[:, 0].T, upright.clusters, upright.moves
        ),
    )


def simulate(case: Simulated, number: int) -> tuple[float, list[Uncertainty]]:
    """Return the true difference, and how certain it is in many samples."""
    models = [*ENDS, *case.a, *case.b]
    a = [0, *range(2, 2 + len(case.a))]
    b = [0, *range(2 + len(case.a), len(models))]

    def read(xs: Floats, ys: Floats) -> Floats:
        first, second = (PointCurves(xs[..., own], ys[..., own]) for own in (a, b))
        if case.at is None:
            return mean_differences(first, second)
        return read_at(second, case.at) - read_at(first, case.at)

    language, following = (100 * np.array(side) for side in zip(*models, strict=True))
    rng = np.random.default_rng(number)
    found = []
    for key in range(SAMPLES):
        sides = [
            answers(list(shares / 100), items, rng)
            for shares, items in zip((language, following), case.items, strict=True)
        ]
        across, upright = drawn_sides(sides, key)
        found.append(uncertain_reading([SeedCurves(across, upright, read)])[1])
    return float(read(gains(language), following)), found


@pytest.mark.parametrize("number", range(len(EQUAL)), ids=lambda n: EQUAL[n].why)
def test_equal_methods_seem_unequal_in_one_case_of_twenty(number: int) -> None:
    truth, found = simulate(EQUAL[number], number)
    assert truth == 0.0
    ps = [one.p for one in found if one.p is not None]
    assert len(ps) > 0.98 * SAMPLES
    assert 0.03 <= np.mean([p <= 0.05 for p in ps]) <= 0.07


@pytest.mark.parametrize("number", range(len(UNEQUAL)), ids=lambda n: UNEQUAL[n].why)
def test_intervals_hold_the_difference_at_equal_gain(number: int) -> None:
    truth, found = simulate(UNEQUAL[number], 10 + number)
    assert truth != 0.0
    ends = [(u.low, u.high) for u in found if u.low is not None and u.high is not None]
    assert len(ends) > 0.9 * SAMPLES
    covered = np.mean([low <= truth <= high for low, high in ends])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("spread", [0.0, 0.08])
def test_intervals_of_three_seeds_are_rather_too_wide(spread: float) -> None:
    """A seed moves what all merges of a method follow."""
    points = np.array([(0.4, 0.8), (0.7, 0.3), (0.5, 0.7), (0.65, 0.5), (0.6, 0.55)])
    rng = np.random.default_rng(7)

    def read(xs: Floats, ys: Floats) -> Floats:
        a, b = (PointCurves(xs[..., own], ys[..., own]) for own in ([0, 2, 3], [0, 4]))
        return read_at(b, 40.0) - read_at(a, 40.0)

    held = []
    truth = float(read(gains(points[:, 0]), 100 * points[:, 1]))
    for key in range(SAMPLES // 2):
        seeds = []
        hard = [rng.normal(size=(items, 1)) for items in (600, 200)]
        for _ in range(3):
            moved = points.copy()
            moved[2:4, 1] += spread * rng.normal()
            moved[4:, 1] += spread * rng.normal()
            sides = [
                (0.8 * of + 0.6 * rng.normal(size=(len(of), 5)) < ndtri(shares)).T
                for of, shares in zip(hard, np.clip(moved, 0.01, 0.99).T, strict=True)
            ]
            # the same key: the same draws of items for all
            seeds.append(SeedCurves(*drawn_sides(sides, key), read))
        _, found = uncertain_reading(seeds)
        if found.low is not None and found.high is not None:
            held.append(found.low <= truth <= found.high)
    assert len(held) > 0.9 * (SAMPLES // 2)
    assert np.mean(held) >= 0.93
