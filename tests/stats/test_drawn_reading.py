"""What is read off drawn curves is as certain as items, clusters and seeds make it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from drawn_items import draw_answers, in_clusters, mean_of, right_or_wrong

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats import (
    DrawnScores,
    Floats,
    ItemCounts,
    PointCurves,
    ScoreDraws,
    SeedCurves,
    average_estimate,
    draw_scores,
    paired_difference,
    perplexity,
    read_at,
    uncertain_reading,
)


def drawn(*models: Sequence[ItemCounts], resamples: int = 4000) -> ScoreDraws:
    return draw_scores([models], ["a"], resamples=resamples)


def scores(found: ScoreDraws) -> DrawnScores:
    return DrawnScores(
        found.values.mean(axis=1), found.draws.mean(axis=1).T, found.clusters,
        found.moves,
    )  # fmt: skip


def test_equal_models_are_equal_in_every_draw() -> None:
    answers = right_or_wrong(np.arange(50) % 3 == 0)
    found = drawn([answers], [answers], [right_or_wrong(np.arange(50) % 2 == 0)])
    assert np.array_equal(found.draws[0], found.draws[1])
    assert not np.array_equal(found.draws[0], found.draws[2])
    assert found.values[:, 0].tolist() == [34.0, 34.0, 50.0]


@pytest.mark.parametrize("together", [("a", "a"), ("a", "b")])
def test_draws_vary_as_clusters_do(together: tuple[str, str]) -> None:
    """As the standard error of the average says, whoever shares clusters."""
    rng = np.random.default_rng(2)
    first = in_clusters(draw_answers(rng, 60, 5, 0.5, 0.6))
    second = in_clusters(draw_answers(rng, 60, 5, 0.5, 0.4))
    found = draw_scores([[[first]], [[second]]], together, resamples=20_000)
    wanted = average_estimate([[first], [second]], together=together)
    assert found.values[0, 0] == pytest.approx(wanted.value)
    assert wanted.stderr is not None
    assert float(found.draws.std()) == pytest.approx(wanted.stderr, rel=0.03)
    assert found.clusters == ((60,) if together == ("a", "a") else (60, 60))


def test_runs_are_kept_where_all_have_as_many() -> None:
    rng = np.random.default_rng(3)
    runs = [right_or_wrong(rng.random(40) < 0.5) for _ in range(6)]
    assert drawn(runs[:3], runs[3:]).values.shape == (2, 3)
    uneven = drawn(runs[:3], runs[3:4])
    assert uneven.values.shape == (2, 1)
    mean = np.mean([run.counts[:, 0].mean() for run in runs[:3]])
    assert uneven.values[0, 0] == pytest.approx(100 * mean)


def test_a_metric_that_is_no_ratio_has_draws_and_no_moves() -> None:
    losses = np.stack([-np.linspace(5, 50, 30), np.full(30, 10.0)], axis=1)
    item = ItemCounts(losses, np.arange(30), perplexity())
    found = drawn([item], [item])
    assert found.moves == (None,)
    assert found.values[0, 0] == pytest.approx(np.exp(27.5 / 10))


def test_other_items_are_refused() -> None:
    with pytest.raises(DataError, match="same items"):
        drawn([right_or_wrong([1, 0])], [right_or_wrong([1, 0, 1])])
    with pytest.raises(DataError, match="no benchmark"):
        draw_scores([], [])


def difference(xs: Floats, ys: Floats) -> Floats:
    found = ys[..., 1] - ys[..., 0]
    return np.broadcast_to(found, np.broadcast_shapes(found.shape, xs.shape[:-1]))


def test_without_a_curve_it_is_the_paired_difference() -> None:
    rng = np.random.default_rng(4)
    hard = rng.random(300)
    a, b = (right_or_wrong(rng.random(300) < hard * share) for share in (0.8, 1.0))
    upright = scores(drawn([a], [b], resamples=20_000))
    across = scores(drawn([a], [b]))
    across = DrawnScores(across.values, np.tile(across.values, (20_000, 1)), (300,))
    value, found = uncertain_reading([SeedCurves(across, upright, difference)])
    wanted = paired_difference([a], [b])
    assert value == pytest.approx(wanted.difference)
    assert found.low == pytest.approx(wanted.low, abs=0.4)
    assert found.high == pytest.approx(wanted.high, abs=0.4)
    assert found.stderr == pytest.approx(wanted.stderr, rel=0.03)
    assert found.p == pytest.approx(wanted.p, rel=0.6)


def test_few_items_that_differ_are_no_certainty() -> None:
    """Four of a hundred, all one way: McNemar's exact p is .125."""
    a, b = right_or_wrong([0] * 100), right_or_wrong([1] * 4 + [0] * 96)
    upright = scores(drawn([a], [b], resamples=10_000))
    across = DrawnScores(np.zeros(2), np.zeros((10_000, 2)), (100,))
    _, found = uncertain_reading([SeedCurves(across, upright, difference)])
    assert found.p is not None
    assert found.p > 0.05


def read(at: float) -> Callable[[Floats, Floats], Floats]:
    return lambda xs, ys: read_at(PointCurves(xs, ys), at)


def curves(seed: int, gain: float = 80.0, **more: Any) -> tuple[DrawnScores, ...]:
    rng = np.random.default_rng(seed)
    hard = rng.random(400)
    across = scores(drawn(*([mean_of(hard < p)] for p in (0.0, gain / 100))))
    kept = more.get("kept", 0.5)
    upright = scores(drawn(*([mean_of(rng.random(400) < p)] for p in (0.9, kept))))
    return across, upright


def test_near_the_end_of_a_curve_no_interval_is_told() -> None:
    across, upright = curves(1)
    end = float(across.values[1])
    value, found = uncertain_reading([SeedCurves(across, upright, read(end - 0.01))])
    assert np.isfinite(value)
    assert found.low is None
    assert found.p is None
    assert "too near to where it ends" in found.why
    _, found = uncertain_reading([SeedCurves(across, upright, read(end / 2))])
    assert found.low is not None


def test_items_that_are_all_alike_are_said() -> None:
    across, _ = curves(1)
    nothing = scores(drawn([mean_of(np.zeros(50))], [mean_of(np.zeros(50))]))
    value, found = uncertain_reading([SeedCurves(across, nothing, read(40.0))])
    assert value == 0.0
    assert found.low is None
    assert "alike" in found.why


def test_seeds_that_differ_make_it_less_certain() -> None:
    alike = [SeedCurves(*curves(1), read(40.0))] * 3
    value, same = uncertain_reading(alike)
    _, one = uncertain_reading(alike[:1])
    assert (same.low, same.high) == (one.low, one.high)
    shifted = []
    for seed, by in zip(alike, (-12.0, 0.0, 12.0), strict=True):
        up = seed.upright
        moved = DrawnScores(up.values + by, up.draws + by, up.clusters, up.moves)
        shifted.append(SeedCurves(seed.across, moved, seed.read))
    again, found = uncertain_reading(shifted)
    assert again == pytest.approx(value)
    # Student's t of 12 / sqrt(3), with two degrees of freedom and a few more
    assert found.high is not None
    assert found.low is not None
    assert found.high - found.low > 2 * 2.5 * 12 / np.sqrt(3)
