"""How the items and runs that were drawn make a sum of values vary.

How far every cluster moves the sum is told by linearising ratios, or by drawing
clusters; of either come variances, covariances and what runs add.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.stats.cluster_bootstrap import resampled_sums
from lm_eval_iberian.stats.item_counts import Floats
from lm_eval_iberian.stats.weighted_terms import WeightedValue, scale_of


@dataclass(frozen=True)
class Spread:
    """A variance, and how many degrees of freedom Student's t has for it."""

    variance: float
    df: float

    @property
    def stderr(self) -> float:
        """The standard error."""
        return float(np.sqrt(self.variance))


@dataclass(frozen=True)
class DrawnTogether:
    """How far clusters move the values of the terms whose clusters are drawn together.

    Args:
        moves: Of a term's place: an array (rows, runs) whose products, summed over
            rows, are the covariances of the runs' values over items.
        clusters: How many there are.
        by_cluster: The same with a row for each cluster, where that can be told.
    """

    moves: Mapping[int, Floats]
    clusters: int
    by_cluster: Mapping[int, Floats] | None = None

    def spread(self, weights: Floats) -> Spread:
        """Return how the clusters move a weighted sum of the terms."""
        moved = _weighted(self.moves, weights)
        df = float(self.clusters - 1)
        if self.by_cluster is not None:
            df = min(df, _borne_by(_weighted(self.by_cluster, weights)))
        return Spread(float(moved @ moved), df)

    def covariance(self, a: Floats, b: Floats) -> float:
        """Return how two weighted sums of the terms vary together."""
        return float(_weighted(self.moves, a) @ _weighted(self.moves, b))


@dataclass
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
    draws: Floats | None = field(default=None, init=False)

    @property
    def weights(self) -> Floats:
        """That of every term."""
        return np.array([term.weight for term in self.terms])

    @property
    def value(self) -> float:
        """The sum."""
        return float(sum(term.weight * term.value for term in self.terms))

    @property
    def clusters(self) -> int:
        """How many there are in all."""
        return sum(one.clusters for one in self.drawn)

    @property
    def fewest_clusters(self) -> int:
        """How many there are where there are the fewest."""
        return min(one.clusters for one in self.drawn)

    @cached_property
    def numbered(self) -> list[tuple[list[int], list[NDArray[np.int64]], int]]:
        """Places of terms that are drawn together, their clusters, and how many."""
        places: dict[Hashable, list[int]] = {}
        for place, term in enumerate(self.terms):
            places.setdefault(term.drawn_with, []).append(place)
        found = []
        for members in places.values():
            labels = [self.terms[place].runs[0].clusters for place in members]
            known, dense = np.unique(np.concatenate(labels), return_inverse=True)
            ends = np.cumsum([len(one) for one in labels])[:-1]
            found.append((members, np.split(dense, ends), len(known)))
        return found

    @cached_property
    def drawn(self) -> list[DrawnTogether]:
        """How far the clusters move the terms."""
        if not self.resamples:
            return [self._linearised(*one) for one in self.numbered]
        found = []
        self.draws = np.zeros(self.resamples)
        for number, one in enumerate(self.numbered):
            together, deviations = self._resampled(number, *one)
            found.append(together)
            self.draws += deviations
        return found

    def _linearised(
        self, members: list[int], clusters: list[NDArray[np.int64]], size: int
    ) -> DrawnTogether:
        """Move a ratio by what a cluster has above it, for each that was counted of."""
        moves = {}
        for place, own in zip(members, clusters, strict=True):
            term = self.terms[place]
            counted = term.in_clusters(own, size)
            numerators, denominators = counted[..., 0], counted[..., 1]
            shares = numerators.sum(axis=0) / denominators.sum(axis=0)
            above = (numerators - shares * denominators) / denominators.sum(axis=0)
            moves[place] = scale_of(term.runs[0]) * above * _small_sample(size)
        return DrawnTogether(moves, size, moves)

    def _resampled(
        self,
        number: int,
        members: list[int],
        clusters: list[NDArray[np.int64]],
        size: int,
    ) -> tuple[DrawnTogether, Floats]:
        """Move values by drawing clusters; return the draws' deviations as well."""
        counted = [
            self.terms[place].in_clusters(own, size)
            for place, own in zip(members, clusters, strict=True)
        ]
        rows = np.concatenate([one.reshape(size, -1) for one in counted], axis=1)
        sums = resampled_sums(rows, self.resamples, (self.key, number))
        moves, total = {}, np.zeros(self.resamples)
        begin = 0
        for place, one in zip(members, counted, strict=True):
            term, (_, runs, columns) = self.terms[place], one.shape
            own = sums[:, begin : begin + runs * columns]
            begin += runs * columns
            values = np.stack(
                [
                    run.metric(own[:, nth * columns : (nth + 1) * columns])
                    for nth, run in enumerate(term.runs)
                ],
                axis=1,
            )
            deviations = (values - term.run_values) * _small_sample(size)
            # no number at all: seen in ``draws``, whose sum has none then either
            total += term.weight * deviations.mean(axis=1)
            finite = np.isfinite(deviations).all(axis=1, keepdims=True)
            many = max(2, int(finite.sum()))
            known = np.where(finite, deviations, 0.0)
            centred = np.where(finite, known - known.sum(axis=0) / many, 0.0)
            moves[place] = centred / np.sqrt(many - 1)
        by_cluster = None
        if all(run.ratio for place in members for run in self.terms[place].runs):
            by_cluster = self._linearised(members, clusters, size).moves
        return DrawnTogether(moves, size, by_cluster), total

    def of_items(self, weights: Floats | None = None) -> Spread:
        """Return how the items move a weighted sum of the terms."""
        weights = self.weights if weights is None else weights
        found = [one.spread(weights) for one in self.drawn]
        return together_spread((one.variance, one.df) for one in found)

    def covariance(self, a: Floats, b: Floats) -> float:
        """Return how two weighted sums of the terms vary together over items."""
        return sum(one.covariance(a, b) for one in self.drawn)

    def spread(self) -> Spread:
        """Return how items and runs move the sum.

        The runs' component is what their values vary beyond what is left of the items'
        noise in them: for values :math:`v_r` of R runs, with the mean noise w that
        remains of the interaction of items and runs, ``max(0, var(v) - w) / R``. Its
        degrees of freedom are Satterthwaite's.
        """
        items = self.of_items()
        return together_spread([(items.variance, items.df), *self._run_components()])

    def _run_components(self) -> list[tuple[float, float]]:
        """Return variance and degrees of freedom of each set of runs.

        Benchmarks of one model with as many runs are taken for one set: what a seed
        does to all of them does not average out.
        """
        sets: dict[tuple[str, int], list[int]] = {}
        for place, term in enumerate(self.terms):
            if len(term.runs) > 1:
                sets.setdefault((term.model, len(term.runs)), []).append(place)
        found = []
        for (_, runs), places in sets.items():
            values = np.sum(
                [self.terms[p].weight * self.terms[p].run_values for p in places],
                axis=0,
            )
            noise = 0.0
            for one in self.drawn:
                own = [p for p in places if p in one.moves]
                if own:
                    moves = np.sum(
                        [self.terms[p].weight * one.moves[p] for p in own], axis=0
                    )
                    apart = moves - moves.mean(axis=1, keepdims=True)
                    noise += float((apart**2).sum()) / (runs - 1)
            beyond = float(np.var(values, ddof=1)) - noise
            if beyond > 0:
                found.append((beyond / runs, float(runs - 1)))
        return found


def together_spread(components: Iterable[tuple[float, float]]) -> Spread:
    """Sum variances; the degrees of freedom are Satterthwaite's (1946)."""
    parts = [(variance, df) for variance, df in components if variance > 0]
    total = sum(variance for variance, _ in parts)
    if not parts:
        return Spread(0.0, 0.0)
    return Spread(total, total**2 / sum(one**2 / df for one, df in parts))


def _weighted(moves: Mapping[int, Floats], weights: Floats) -> Floats:
    parts = [weights[place] * one.mean(axis=1) for place, one in moves.items()]
    return np.sum(parts, axis=0)


def _borne_by(moved: Floats) -> float:
    """Return the degrees of freedom that a sum of squares has by its own scatter.

    Satterthwaite's: ``2 E(V)**2 / var(V)``, with the variance of V from the squares
    themselves. It is the number of clusters where they are normal, and twice the number
    of those that differ at all where these are few: then Student's t with clusters - 1
    would take three items for certainty.
    """
    squares = moved**2
    total = float(squares.sum())
    varies = float((squares**2).sum()) - total**2 / len(moved)
    return 2 * total**2 / varies if varies > 0 else np.inf


def _small_sample(clusters: int) -> float:
    """Make the mean square of deviations from a mean that was estimated a variance."""
    return float(np.sqrt(clusters / (clusters - 1))) if clusters > 1 else 0.0
