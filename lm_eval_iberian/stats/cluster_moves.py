"""How far each cluster, or each draw of clusters, moves the values that are summed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.stats.cluster_bootstrap import resampled_sums
from lm_eval_iberian.stats.item_counts import Floats
from lm_eval_iberian.stats.weighted_terms import WeightedValue, scale_of


@dataclass(frozen=True)
class SharedClusters:
    """Terms whose clusters are drawn together.

    Args:
        terms: By their place in the sum.
        labels: The cluster of every item, of each of them.
        clusters: How many clusters there are in all.
    """

    terms: Mapping[int, WeightedValue]
    labels: Mapping[int, NDArray[np.int64]]
    clusters: int

    def counted(self, place: int) -> Floats:
        """Return what a term counts in every cluster: (clusters, runs, columns)."""
        return self.terms[place].in_clusters(self.labels[place], self.clusters)

    @property
    def linear(self) -> bool:
        """Whether all terms are ratios."""
        return all(run.ratio for term in self.terms.values() for run in term.runs)

    def unseen(self, alpha: float) -> tuple[float, float] | None:
        """Return how far down and up clusters may move the sum that nobody saw.

        A cluster that is otherwise than these was not seen in G. By Clopper and Pearson
        (1934) its share is no more than ``q = 1 - (alpha / 2) ** (1 / G)``; in that
        share of clusters the terms may have any value they can have, the largest
        cluster standing for them. ``None`` where a term has no bounds.
        """
        unseen = 1 - (alpha / 2) ** (1 / self.clusters)
        down = up = 0.0
        for place, term in self.terms.items():
            if term.bounds is None:
                return None
            sizes = self.counted(place)[..., 1].mean(axis=1)
            share = min(1.0, unseen * float(sizes.max() / sizes.mean()))
            ways = [term.weight * (end - term.value) for end in term.bounds]
            down, up = down + share * min(ways), up + share * max(ways)
        return down, up


@dataclass(frozen=True)
class ClusterMoves:
    """How terms that are drawn together move.

    Args:
        moves: Of a term's place: an array (rows, runs) whose products, summed over
            rows, are the covariances of the runs' values over items.
        clusters: How many there are.
        by_cluster: The same with a row for each cluster, where that can be told.
        draws: How far each draw moves the sum, not a number where it has no value.
    """

    moves: Mapping[int, Floats]
    clusters: int
    by_cluster: Mapping[int, Floats] | None = None
    draws: Floats | None = None


def share_clusters(terms: Sequence[WeightedValue]) -> list[SharedClusters]:
    """Put together the terms whose clusters are drawn together, and number these."""
    together: dict[Hashable, list[int]] = {}
    for place, term in enumerate(terms):
        together.setdefault(term.drawn_with, []).append(place)
    found = []
    for places in together.values():
        labels = [terms[place].runs[0].clusters for place in places]
        known, dense = np.unique(np.concatenate(labels), return_inverse=True)
        ends = np.cumsum([len(one) for one in labels])[:-1]
        own = dict(zip(places, np.split(dense, ends), strict=True))
        members = {place: terms[place] for place in places}
        found.append(SharedClusters(members, own, len(known)))
    return found


def linearised(shared: SharedClusters) -> ClusterMoves:
    """Move ratios by what a cluster has above them, for each that was counted of."""
    moves = {}
    for place, term in shared.terms.items():
        counted = shared.counted(place)
        counts, of = counted[..., 0], counted[..., 1]
        above = counts - counts.sum(axis=0) / of.sum(axis=0) * of
        scale = scale_of(term.runs[0]) * _small_sample(shared.clusters)
        moves[place] = scale * above / of.sum(axis=0)
    return ClusterMoves(moves, shared.clusters, moves)


def resampled(
    shared: SharedClusters, resamples: int, key: Sequence[int]
) -> ClusterMoves:
    """Move values by drawing clusters, the same for all terms."""
    moves, draws = {}, np.zeros(resamples)
    for place, away in moved_by_draws(shared, resamples, key).items():
        draws += shared.terms[place].weight * away.mean(axis=1)
        moves[place] = _rows_of_covariances(away)
    by_cluster = linearised(shared).moves if shared.linear else None
    return ClusterMoves(moves, shared.clusters, by_cluster, draws)


def moved_by_draws(
    shared: SharedClusters, resamples: int, key: Sequence[int]
) -> dict[int, Floats]:
    """Return how far each draw of clusters moves the values of a term's runs.

    The clusters of a draw are the same for all terms.

    Returns:
        By the term's place: an array (resamples, runs), not a number where a draw has
        no value.
    """
    counted = {place: shared.counted(place) for place in shared.terms}
    rows = [one.reshape(shared.clusters, -1) for one in counted.values()]
    sums = resampled_sums(np.concatenate(rows, axis=1), resamples, key)
    ends = np.cumsum([one.shape[1] for one in rows])[:-1]
    found = {}
    for place, own in zip(counted, np.split(sums, ends, axis=1), strict=True):
        term, (_, runs, columns) = shared.terms[place], counted[place].shape
        by_run = np.moveaxis(own.reshape(resamples, runs, columns), 1, 0)
        metrics = [run.metric for run in term.runs]
        values = [metric(one) for metric, one in zip(metrics, by_run, strict=True)]
        with np.errstate(invalid="ignore"):
            away = np.stack(values, axis=1) - term.run_values
        found[place] = away * _small_sample(shared.clusters)
    return found


def _rows_of_covariances(away: Floats) -> Floats:
    """Centre draws, and scale them so that their products sum to covariances."""
    finite = np.isfinite(away).all(axis=1, keepdims=True)
    many = max(2, int(finite.sum()))
    known = np.where(finite, away, 0.0)
    centred: Floats = np.where(finite, known - known.sum(axis=0) / many, 0.0)
    return centred / float(np.sqrt(many - 1))


def _small_sample(clusters: int) -> float:
    """Make the mean square of deviations from a mean that was estimated a variance."""
    return float(np.sqrt(clusters / (clusters - 1))) if clusters > 1 else 0.0
