"""Scores as gains: where models stand between the instructed one and the expert.

A gain is in per cent of the expert's: 0 is the instructed model, 100 the expert. Of a
perplexity it is the gain of its logarithm, which items add up to. In every draw of
items the gains, the expert's among them, are told anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.frontier.method_curves import MethodCurve, MethodCurves
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.stats import (
    DrawnScores,
    Floats,
    PointCurves,
    ScoreDraws,
    SeedCurves,
    common_range,
)


@dataclass(frozen=True)
class GainScores:
    """The scores of a language's models, of every seed: gains, and what they follow.

    Args:
        across: Gains, in per cent of the expert's.
        upright: What is followed.
        sweeps: How many there are; of one, seeds are runs of the same models.
        instruct: What the instructed model follows.
        ends: Its score of the language, and the expert's.
        bounds: Between which values what is followed lies.
    """

    across: tuple[DrawnScores, ...]
    upright: tuple[DrawnScores, ...]
    sweeps: int
    instruct: float
    ends: tuple[float, float]
    bounds: tuple[float, float]

    def places(self, curve: MethodCurve, seed: int) -> list[int]:
        """Return which models are the points of a curve."""
        return list(curve.seeds[seed if self.sweeps > 1 else 0].places)

    def curves(
        self, read: Callable[..., Floats], *curves: MethodCurve
    ) -> list[SeedCurves]:
        """Return every seed with a function of curves as what is read of it."""

        def reading(places: Sequence[list[int]]) -> Callable[[Floats, Floats], Floats]:
            return lambda xs, ys: read(
                *(PointCurves(xs[..., own], ys[..., own]) for own in places)
            )

        return [
            SeedCurves(
                across, upright, reading([self.places(one, seed) for one in curves])
            )
            for seed, (across, upright) in enumerate(
                zip(self.across, self.upright, strict=True)
            )
        ]

    def reach(self, *curves: MethodCurve) -> tuple[float, float]:
        """Return from where to where curves reach in all seeds."""
        found = [
            common_range(
                *(
                    PointCurves(across.values[own], across.values[own])
                    for own in (self.places(one, seed) for one in curves)
                )
            )
            for seed, across in enumerate(self.across)
        ]
        return max(float(low) for low, _ in found), min(float(h) for _, h in found)

    @property
    def span(self) -> float:
        """How far two scores may be apart."""
        return self.bounds[1] - self.bounds[0]

    def reaches(self, curve: MethodCurve, at: float) -> bool:
        """Return whether a curve has a gain, in all seeds."""
        low, high = self.reach(curve)
        return low <= at <= high

    def said_reach(self, *curves: MethodCurve) -> str:
        """Return in words how far curves come."""
        found = [(one.name, *self.reach(one)) for one in curves]
        return ", ".join(
            f"{name} {low:.0f} to {high:.0f} % of the expert's gain"
            for name, low, high in found
        )


def gain_scores(one: MethodCurves, sweeps: int) -> GainScores:
    """Return the scores of every sweep, or of one sweep those of every run.

    Args:
        one: What was read in a language.
        sweeps: Of how many sweeps.

    Raises:
        DataError: The expert gains nothing.
    """
    language, following = one.language, one.following
    runs = 1
    if sweeps == 1:
        counts = {language.values.shape[1], following.values.shape[1]} - {1}
        runs = counts.pop() if len(counts) == 1 else 1
    across, upright = [], []
    for seed in range(max(sweeps, runs)):
        of = seed if sweeps > 1 else 0
        run = seed if runs > 1 else None
        values, draws = _run_of(language, run)
        ends = one.instructs[of], one.experts[of]
        gains, drawn = (
            _shares(_better(table, one.language_metric), *ends)
            for table in (values, draws)
        )
        across.append(DrawnScores(gains, drawn, language.clusters))
        values, draws = _run_of(following, run)
        upright.append(DrawnScores(values, draws, following.clusters, following.moves))
    first, last = (
        float(np.mean([language.values[at] for at in places]))
        for places in (one.instructs, one.experts)
    )
    if not all(np.isfinite(seed.values).all() for seed in across):
        raise DataError(
            f"the expert of {one.lang} gains nothing of the language in all that was"
            f" read: instruct has {first:.2f}, the expert {last:.2f}"
            f" ({one.language_metric.label}); of no gain there are no per cent"
        )
    kept = float(np.mean([following.values[at] for at in one.instructs]))
    metric = one.following_metric
    bounds = metric.scale * metric.least, metric.scale * metric.most
    return GainScores(
        tuple(across), tuple(upright), sweeps, kept, (first, last), bounds
    )


def _run_of(scores: ScoreDraws, run: int | None) -> tuple[Floats, Floats]:
    """Return values and draws, the latter (resamples, models), of a run or of all."""
    if run is None or scores.values.shape[1] == 1:
        return scores.values.mean(axis=1), scores.draws.mean(axis=1).T
    return scores.values[:, run], scores.draws[:, run].T


def _better(table: Floats, metric: Metric) -> Floats:
    """Return scores of which more is better, and that items add up to."""
    if metric.form == "losses":
        return -np.log(table)
    return -table if metric.lower_is_better else table


def _shares(table: Floats, instruct: int, expert: int) -> Floats:
    """Return gains in per cent of the expert's; not a number where it gains nothing."""
    own = table - table[..., [instruct]]
    whole = own[..., [expert]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, 100 * own / whole, np.nan)
