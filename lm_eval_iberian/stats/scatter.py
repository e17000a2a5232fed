"""How the items and runs that were drawn make a sum of values vary.

Variances, covariances and what runs add, of how far clusters move the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from lm_eval_iberian.stats.cluster_moves import (
    ClusterMoves,
    SharedClusters,
    linearised,
    resampled,
    share_clusters,
)
from lm_eval_iberian.stats.estimate import LEVEL
from lm_eval_iberian.stats.item_counts import Floats
from lm_eval_iberian.stats.weighted_terms import WeightedValue


# what rounding leaves of a variance that is 0, in parts of the values
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Spread:
    """A variance, and how many degrees of freedom Student's t has for it."""

    variance: float
    df: float

    @property
    def stderr(self) -> float:
        """The standard error."""
        return float(np.sqrt(self.variance))

    @property
    def half_width(self) -> float:
        """How far Student's interval reaches to either side."""
        return float(special.stdtrit(self.df, (1 + LEVEL) / 2)) * self.stderr


@dataclass(frozen=True)
class Scatter:
    """Weighted terms, and all that can be told of how their sum varies.

    Args:
        terms: What is summed.
        resamples: How many draws; 0 where all are ratios, which are linearised.
        key: What draws are made of.
    """

    terms: Sequence[WeightedValue]
    resamples: int = 0
    key: int = 0

    @cached_property
    def weights(self) -> Floats:
        """That of every term."""
        return np.array([term.weight for term in self.terms])

    @cached_property
    def value(self) -> float:
        """The sum."""
        return float(sum(term.weight * term.value for term in self.terms))

    @cached_property
    def shared(self) -> list[SharedClusters]:
        """The terms, those together that are drawn together."""
        return share_clusters(self.terms)

    @cached_property
    def moves(self) -> list[ClusterMoves]:
        """How far the clusters move the terms."""
        if not self.resamples:
            return [linearised(one) for one in self.shared]
        return [
            resampled(one, self.resamples, (self.key, number))
            for number, one in enumerate(self.shared)
        ]

    @property
    def draws(self) -> Floats | None:
        """How far each draw is from the sum, of those that have a value."""
        draws = [one.draws for one in self.moves if one.draws is not None]
        return np.sum(draws, axis=0) if draws else None

    @property
    def clusters(self) -> int:
        """How many there are in all."""
        return sum(one.clusters for one in self.shared)

    def of_items(self, weights: Floats | None = None) -> Spread:
        """Return how the items move a weighted sum of the terms."""
        weights = self.weights if weights is None else weights
        return together_spread(_spread(one, weights) for one in self.moves)

    def covariance(self, a: Floats, b: Floats) -> float:
        """Return how two weighted sums of the terms vary together over items."""
        return sum(
            float(_weighted(one.moves, a) @ _weighted(one.moves, b))
            for one in self.moves
        )

    def is_nothing(self, spread: Spread) -> bool:
        """Return whether a variance is 0, but for rounding."""
        size = sum(abs(term.weight * term.value) for term in self.terms)
        return spread.variance == 0 or spread.stderr <= _ROUNDING * size

    def spread(self) -> Spread:
        """Return how items and runs move the sum; degrees of freedom: Satterthwaite's.

        Where some clusters that are drawn together are all alike and others are not,
        those alike count as if two of them had moved the sum as far as unseen ones may.
        """
        parts = [_spread(one, self.weights) for one in self.moves]
        if not all(map(self.is_nothing, parts)):
            parts = [
                _unseen(shared) if self.is_nothing(part) else part
                for shared, part in zip(self.shared, parts, strict=True)
            ]
        return together_spread([*parts, *self._of_runs()])

    def _of_runs(self) -> list[Spread]:
        """Return what each set of runs adds.

        It is what their values vary beyond what is left of the items' noise in them:
        for the values v of R runs, with the noise w that remains of the interaction of
        items and runs, ``max(0, var(v) - w) / R``. Benchmarks of one model with as many
        runs are taken for one set: what a seed does to all of them does not average
        out.
        """
        sets: dict[tuple[str, int], Floats] = {}
        for place, term in enumerate(self.terms):
            if len(term.runs) > 1:
                own = sets.setdefault(
                    (term.model, len(term.runs)), np.zeros(len(self.terms))
                )
                own[place] = term.weight
        found = []
        for (_, runs), weights in sets.items():
            values = sum(
                weight * term.run_values
                for weight, term in zip(weights, self.terms, strict=True)
                if weight
            )
            noise = sum(_noise_of_runs(one, weights) for one in self.moves)
            beyond = float(np.var(values, ddof=1)) - noise / (runs - 1)
            if beyond > 0:
                found.append(Spread(beyond / runs, runs - 1.0))
        return found


def together_spread(parts: Iterable[Spread]) -> Spread:
    """Sum variances; the degrees of freedom are Satterthwaite's (1946)."""
    known = [part for part in parts if part.variance > 0]
    total = sum(part.variance for part in known)
    varies = sum(part.variance**2 / part.df for part in known)
    return Spread(total, total**2 / varies if varies > 0 else np.inf)


def _spread(one: ClusterMoves, weights: Floats) -> Spread:
    """Return how clusters that are drawn together move a weighted sum.

    Student's t has clusters - 1 degrees of freedom, or as many as the sum of squares
    has by its own scatter, ``2 E(V)**2 / var(V)`` (Satterthwaite): about the number of
    clusters where they are normal, and twice the number of those that differ at all
    where these are few. With clusters - 1 four items would be a certainty.
    """
    moved = _weighted(one.moves, weights)
    df = float(max(1, one.clusters - 1))
    if one.by_cluster is not None:
        df = min(df, df_of_squares(_weighted(one.by_cluster, weights) ** 2))
    return Spread(float(moved @ moved), df)


def df_of_squares(squares: Floats) -> float:
    """Return how many degrees of freedom a sum of clusters' squares has by itself."""
    total = float(squares.sum())
    varies = float((squares**2).sum()) - total**2 / len(squares)
    return 2 * total**2 / varies if varies > 0 else np.inf


def _unseen(shared: SharedClusters) -> Spread:
    unseen = shared.unseen(1 - LEVEL)
    if unseen is None:
        return Spread(0.0, 2.0)
    return Spread((max(map(abs, unseen)) / Spread(1.0, 2.0).half_width) ** 2, 2.0)


def _weighted(moves: Mapping[int, Floats], weights: Floats) -> Floats:
    total: Floats = np.zeros(len(next(iter(moves.values()))))
    for place, one in moves.items():
        if weights[place]:
            # a mean over one run is slow for what it does
            mean = one[:, 0] if one.shape[1] == 1 else one.mean(axis=1)
            total = total + weights[place] * mean
    return total


def _noise_of_runs(one: ClusterMoves, weights: Floats) -> float:
    """Return the sum of squares of what runs differ in by cluster."""
    own = [
        weights[place] * moves for place, moves in one.moves.items() if weights[place]
    ]
    if not own:
        return 0.0
    summed = np.sum(own, axis=0)
    return float(((summed - summed.mean(axis=1, keepdims=True)) ** 2).sum())
