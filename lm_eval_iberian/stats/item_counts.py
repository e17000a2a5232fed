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
    """

    counts: Floats
    clusters: NDArray[np.int64]
    metric: MetricOfSums
    ratio: bool = False
    binary: bool = False
    choices: NDArray[np.int64] | None = None
