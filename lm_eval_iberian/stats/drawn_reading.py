"""How certain is what is read off curves whose points are scores: drawn, all at once.

The items that the scores across are of, those of the scores upright, and seeds, where
there are several, each make it vary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lm_eval_iberian.stats import intervals
from lm_eval_iberian.stats.item_counts import Floats
from lm_eval_iberian.stats.scatter import Spread, df_of_squares, together_spread
from lm_eval_iberian.stats.uncertainty import Uncertainty


# scores across and upright, of shape (..., models), to what is read: of shape (...)
Reading = Callable[[Floats, Floats], Floats]
# the share of draws that may be left out, for a curve of theirs ends before
_MAY_END_BEFORE = 0.05
# so many draws tell how much of it is whose
_FOR_DF = 2_000
# what rounding leaves of draws that are all alike, in parts of a score
_ROUNDING = 1e-9


@dataclass(frozen=True)
class DrawnScores:
    """Scores of a seed's models, with those of every draw.

    Args:
        values: Of shape (models,).
        draws: Of shape (resamples, models).
        clusters: Of every set of clusters that are drawn together, how many there are.
        moves: Of each set, of shape (clusters, models): how far each cluster moves each
            score; ``None`` where that cannot be told.
    """

    values: Floats
    draws: Floats
    clusters: tuple[int, ...]
    moves: tuple[Floats | None, ...] = ()


@dataclass(frozen=True)
class SeedCurves:
    """What is read of one seed's models.

    Args:
        across: Their scores across; draws of them are of other items than those of
            the scores upright.
        upright: Their scores upright, for which ``read`` must be linear.
        read: What is read off both.
    """

    across: DrawnScores
    upright: DrawnScores
    read: Reading

    @property
    def value(self) -> float:
        """What is read of the scores as they are."""
        return float(self.read(self.across.values, self.upright.values))

    @property
    def draws(self) -> Floats:
        """What is read of every draw, not a number where nothing can be."""
        return self.read(self.across.draws, self.upright.draws)


def uncertain_reading(seeds: Sequence[SeedCurves]) -> tuple[float, Uncertainty]:
    """Return the mean over seeds of what is read, and how certain it is.

    The interval is made of the percentiles of the draws, expanded as Student's t is
    wider than the normal distribution. What seeds differ in has seeds - 1 degrees of
    freedom: of three an interval is wide.

    Args:
        seeds: One at least; the draws of all are of the same clusters.
    """
    values = np.array([one.value for one in seeds])
    value = float(values.mean())
    each = np.stack([one.draws for one in seeds])
    defined = np.isfinite(each).all(axis=0)
    undefined = 1 - float(defined.mean())
    if undefined > _MAY_END_BEFORE:
        return value, Uncertainty(
            why=f"in {undefined:.0%} of the draws of items a curve does not reach so"
            " far: too near to where it ends"
        )
    away = each[:, defined] - values[:, np.newaxis]
    draws = away.mean(axis=0)
    of_items = Spread(float(draws.var(ddof=1)), _df_of_items(seeds))
    parts = [of_items] if len(seeds) == 1 else _of_seeds(values, away, of_items)
    spread = together_spread(parts)
    if spread.stderr <= _ROUNDING:
        return value, Uncertainty(
            why="all items are alike for it: nothing tells how others would differ"
        )
    found = None
    if of_items.variance > _ROUNDING**2:
        draws = draws * np.sqrt(spread.variance / of_items.variance)
        found = intervals.drawn_interval(value, draws, spread.df)
    if found is None:
        low, high = intervals.t_interval(value, spread)
        p = intervals.t_p(value, spread)
    else:
        (low, high), p = found, intervals.drawn_p(value, draws, spread)
    return value, Uncertainty(low, high, spread.stderr, p, method="bootstrap")


def _of_seeds(values: Floats, away: Floats, items: Spread) -> Iterator[Spread]:
    """Yield what items do to all seeds alike, and what seeds differ in.

    The latter is what their values vary, with seeds - 1 degrees of freedom, and no less
    than items make them: of few seeds what is beyond that is often told too small.

    Args:
        values: That of each seed.
        away: How far each draw is from it: (seeds, draws).
        items: How the mean of seeds varies over items.
    """
    many = len(values)
    own = float(away.var(axis=0, ddof=1).mean())
    yield Spread(max(0.0, items.variance - own / many), items.df)
    yield Spread(max(own, float(values.var(ddof=1))) / many, many - 1.0)


def _df_of_items(seeds: Sequence[SeedCurves]) -> float:
    """Return the degrees of freedom for the items, across and upright (Satterthwaite).

    How much each makes it vary is what draws of the one alone do.
    """
    across = [one.read(one.across.draws[:_FOR_DF], one.upright.values) for one in seeds]
    upright = [
        one.read(one.across.values, one.upright.draws[:_FOR_DF]) for one in seeds
    ]
    fewest = min(seeds[0].across.clusters) - 1.0
    parts = [
        Spread(_variance(across), fewest),
        Spread(_variance(upright), _df_upright(seeds)),
    ]
    return together_spread(parts).df


def _variance(of_seeds: Sequence[Floats]) -> float:
    mean = np.mean(of_seeds, axis=0)
    known = mean[np.isfinite(mean)]
    return float(known.var(ddof=1)) if len(known) > 1 else 0.0


def _df_upright(seeds: Sequence[SeedCurves]) -> float:
    """Return those of scores upright: few where few clusters make it vary at all."""
    parts = []
    for place, clusters in enumerate(seeds[0].upright.clusters):
        df = clusters - 1.0
        of_seeds = []
        for one in seeds:
            moves = one.upright.moves[place]
            if moves is not None:
                of_seeds.append(one.read(one.across.values, moves))
        if len(of_seeds) < len(seeds):
            return min(seeds[0].upright.clusters) - 1.0
        squares = np.mean(of_seeds, axis=0) ** 2
        if squares.any():
            parts.append(Spread(float(squares.sum()), min(df, df_of_squares(squares))))
    return together_spread(parts).df if parts else 1.0
