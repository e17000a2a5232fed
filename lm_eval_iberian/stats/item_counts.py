"""What a metric counts in every item: the metric is a function of the column sums.

Accuracy is a mean, ``(right, 1)``; accuracy over instructions a ratio, ``(followed,
given)``; BLEU, chrF++ and TER are functions of what sacrebleu counts in a segment; a
perplexity is one of ``(log likelihood, bytes)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.errors import DataError


Floats = NDArray[np.float64]
# sums of shape (..., columns) to values of shape (...)
MetricOfSums = Callable[[Floats], Floats]


@dataclass(frozen=True)
class ItemCounts:
    """What was counted in the items of one benchmark, for one model, in one run.

    Args:
        counts: Of shape (items, columns).
        clusters: Of shape (items,): which items belong together. Items of one cluster
            are drawn together; clusters are numbered from 0.
        metric: The value of column sums, in the unit that is shown. It takes many sums
            at once.
        ratio: Whether ``metric`` is a scale times column 0 divided by column 1.
        binary: Whether an item is right or wrong, column 0 being 1 or 0.
        choices: Of shape (items,): how many answers there were to choose from, ``None``
            where that is not known or there were none.

    Raises:
        DataError: There are no items, a count is no finite number, or the shapes do not
            fit each other.
    """

    counts: Floats
    clusters: NDArray[np.int64]
    metric: MetricOfSums
    ratio: bool = False
    binary: bool = False
    choices: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.counts.ndim != 2 or 0 in self.counts.shape:
            raise DataError(
                f"Counts have the shape (items, columns), not {self.counts.shape};"
                " of no items nothing can be said"
            )
        wrong = np.flatnonzero(~np.isfinite(self.counts).all(axis=1))
        if wrong.size:
            raise DataError(
                f"What was counted is no finite number in {wrong.size} of"
                f" {len(self.counts)} items, item {wrong[0]} the first:"
                f" {self.counts[wrong[0]].tolist()}"
            )
        self._require_row_numbers("clusters", self.clusters, least=0)
        if self.choices is not None:
            self._require_row_numbers("choices", self.choices, least=2)
        if self.ratio and self.counts.shape[1] != 2:
            raise DataError(
                f"A ratio has two columns, not {self.counts.shape[1]}: counted, of"
            )
        if self.ratio and not (self.counts[:, 1] >= 0).all():
            raise DataError("A ratio's second column counts something: none is < 0")
        if self.ratio and not self.counts[:, 1].any():
            raise DataError("A ratio's second column sums to 0: nothing was counted")
        if self.binary and not np.isin(self.counts[:, 0], (0, 1)).all():
            raise DataError("An item that is right or wrong counts 1 or 0")

    def _require_row_numbers(
        self, name: str, numbers: NDArray[np.int64], least: int
    ) -> None:
        if numbers.shape != (len(self.counts),):
            raise DataError(
                f"{name} has a number for each of the {len(self.counts)} items, not"
                f" the shape {numbers.shape}"
            )
        if numbers.dtype.kind not in "iu" or numbers.min() < least:
            raise DataError(f"{name} are whole numbers from {least} on")
