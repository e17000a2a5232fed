"""Items drawn from models whose value is known, for tests of what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.stats import ItemCounts, ratio


Numbers = NDArray[np.float64]


def mean_of(values: Any, clusters: Any = None, **more: Any) -> ItemCounts:
    """Return items whose metric is the mean, in per cent; each alone if not told."""
    column = np.asarray(values, np.float64)
    labels = np.arange(len(column)) if clusters is None else np.asarray(clusters)
    counts = np.stack([column, np.ones_like(column)], axis=1)
    return ItemCounts(counts, labels, ratio(100.0), ratio=True, **more)


def right_or_wrong(values: Any, clusters: Any = None, **more: Any) -> ItemCounts:
    return mean_of(values, clusters, binary=True, **more)


def in_clusters(table: Any) -> ItemCounts:
    """Return answers of shape (clusters, items), right or wrong."""
    answers = np.asarray(table)
    return right_or_wrong(answers.ravel(), cluster_labels(*answers.shape))


def cluster_labels(clusters: int, size: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(clusters), size)


def draw_answers(
    rng: np.random.Generator, clusters: int, size: int, alike: float, share: float
) -> NDArray[np.bool_]:
    """Draw answers that are right with ``share``, correlated ``alike`` in a cluster.

    With the probability ``sqrt(alike)`` an answer is its cluster's own, so two of a
    cluster are the same by that in the share ``alike``.
    """
    own = rng.random((clusters, size)) < share
    of_cluster = rng.random((clusters, 1)) < share
    return np.where(rng.random((clusters, size)) < np.sqrt(alike), of_cluster, own)


def draw_numbers(
    rng: np.random.Generator, clusters: int, size: int, alike: float
) -> Numbers:
    """Draw normal numbers around 0, correlated ``alike`` in a cluster."""
    own = rng.normal(size=(clusters, size))
    return np.sqrt(alike) * rng.normal(size=(clusters, 1)) + np.sqrt(1 - alike) * own
