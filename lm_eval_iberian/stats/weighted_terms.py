"""The values that are summed: of benchmarks, each with a weight.

A value, a difference of two and an average of either are the same thing here: a
weighted sum of the values that benchmarks have, each a mean over runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats.item_counts import Floats, ItemCounts


@dataclass(frozen=True)
class WeightedValue:
    """A value that is summed with a weight: a benchmark's, the mean of its runs.

    Args:
        runs: The same items in every run.
        weight: What its value is multiplied by.
        benchmark: The number of the benchmark.
        drawn_with: Terms that share it share their clusters, which are drawn together.
        model: Runs of one model may go together over its benchmarks; those of two
            models do not.

    Raises:
        DataError: There is no run, or the runs are not of the same items.
    """

    runs: Sequence[ItemCounts]
    weight: float
    benchmark: int = 0
    drawn_with: Hashable = 0
    model: str = ""

    def __post_init__(self) -> None:
        if not self.runs:
            raise DataError("There is no run to tell a value of")
        require_same_items(self.runs, "runs")

    @cached_property
    def run_values(self) -> Floats:
        """The value of every run."""
        sums = np.array([run.counts.sum(axis=0) for run in self.runs])
        values = [
            np.asarray(run.metric(one), np.float64)
            for run, one in zip(self.runs, sums, strict=True)
        ]
        return np.array(values)

    @cached_property
    def value(self) -> float:
        """The mean of the runs."""
        return float(self.run_values.mean())

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """Between which values it lies, whatever is counted, if that can be told."""
        for run in self.runs:
            counted = run.counts[:, 0]
            if not (
                run.ratio
                and (counted >= 0).all()
                and (counted <= run.counts[:, 1]).all()
            ):
                return None
        scale = scale_of(self.runs[0])
        return min(0.0, scale), max(0.0, scale)

    def in_clusters(self, clusters: NDArray[np.int64], size: int) -> Floats:
        """Return what was counted in every cluster: (clusters, runs, columns)."""
        return np.stack(
            [
                np.stack(
                    [
                        np.bincount(clusters, weights=column, minlength=size)
                        for column in run.counts.T
                    ],
                    axis=-1,
                )
                for run in self.runs
            ],
            axis=1,
        )


def require_same_items(runs: Sequence[ItemCounts], what: str) -> None:
    """Raise DataError unless all are of the same items, in the same clusters."""
    for run in runs[1:]:
        if len(run.counts) != len(runs[0].counts):
            raise DataError(
                f"The {what} must be of the same items: one has"
                f" {len(runs[0].counts)} items, another {len(run.counts)}"
            )
        if not np.array_equal(run.clusters, runs[0].clusters):
            raise DataError(
                f"The {what} must be of the same items in the same order: their"
                " clusters differ"
            )


def scale_of(run: ItemCounts) -> float:
    """Return the scale of a ratio."""
    return float(run.metric(np.array([1.0, 1.0])))
