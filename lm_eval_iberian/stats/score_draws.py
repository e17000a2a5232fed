"""Scores of many models, and what the same draws of clusters make of all of them.

For what is no weighted sum of scores, like a curve that is read where another one is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats.cluster_bootstrap import KEY, RESAMPLES
from lm_eval_iberian.stats.cluster_moves import (
    linearised,
    moved_by_draws,
    share_clusters,
)
from lm_eval_iberian.stats.item_counts import Floats, ItemCounts
from lm_eval_iberian.stats.weighted_terms import WeightedValue, require_same_items


@dataclass(frozen=True)
class ScoreDraws:
    """Scores of several models on the same items.

    Args:
        values: Of shape (models, runs).
        draws: Of shape (models, runs, resamples): the scores of each draw, spread by
            what few clusters vary too little; not a number where one has no value.
        clusters: Of every set of clusters that are drawn together, how many there are.
        moves: Of each of these sets an array (clusters, models): how far each cluster
            moves each score; ``None`` where a metric is no ratio.
    """

    values: Floats
    draws: Floats
    clusters: tuple[int, ...]
    moves: tuple[Floats | None, ...]


def draw_scores(
    parts: Sequence[Sequence[Sequence[ItemCounts]]],
    together: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    key: int = KEY,
) -> ScoreDraws:
    """Return the scores of models, each the mean of its benchmarks, and draws of them.

    Args:
        parts: For every benchmark, of every model, its runs: the same items in the same
            order in all of them. Unless all have equally many, the runs of each are
            averaged.
        together: A label for every benchmark: those that share it have the same
            clusters, by their numbers, which are drawn together.
        resamples: How many draws.
        key: What they are made of.

    Raises:
        DataError: There is no benchmark or model, or the items are not the same.
    """
    if not parts or not parts[0]:
        raise DataError("There is no benchmark, or no model, to draw scores of")
    models = len(parts[0])
    terms, owners = [], []
    for number, (of_models, label) in enumerate(zip(parts, together, strict=True)):
        require_same_items([runs[0] for runs in of_models], "models")
        for owner, runs in enumerate(of_models):
            terms.append(WeightedValue(runs, 1 / len(parts), number, label))
            owners.append(owner)
    counts = {len(term.runs) for term in terms}
    kept = counts.pop() if len(counts) == 1 else 1
    values: Floats = np.zeros((models, kept))
    draws: Floats = np.zeros((models, kept, resamples))
    for owner, term in zip(owners, terms, strict=True):
        values[owner] += term.weight * _of_runs(term.run_values[np.newaxis], kept)[0]
    draws += values[..., np.newaxis]
    sizes: list[int] = []
    moves: list[Floats | None] = []
    for number, shared in enumerate(share_clusters(terms)):
        for place, away in moved_by_draws(shared, resamples, (key, number)).items():
            weight = terms[place].weight
            draws[owners[place]] += weight * _of_runs(away, kept).T
        sizes.append(shared.clusters)
        if not shared.linear:
            moves.append(None)
            continue
        by_model = np.zeros((shared.clusters, models))
        for place, one in linearised(shared).moves.items():
            by_model[:, owners[place]] += terms[place].weight * one.mean(axis=1)
        moves.append(by_model)
    return ScoreDraws(values, draws, tuple(sizes), tuple(moves))


def _of_runs(table: Floats, runs: int) -> Floats:
    """Return a table with a column for each run, or for their mean."""
    same = table.shape[1] == runs
    return table if same else table.mean(axis=1, keepdims=True)
