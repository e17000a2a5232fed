"""The Matthews correlation of two labels, and its standard error in milliseconds.

lm-eval bootstraps it 100,000 times through scikit-learn: minutes for a task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lm_eval_iberian.stats import Floats, matthews
from lm_eval_iberian.tasks.value_forms import is_pair, require_form


RESAMPLES = 10_000
_KEY = 1234
_CORRELATION = matthews()


def mcc(items: Sequence[tuple[int, int]]) -> float:
    """Return the correlation of gold and predicted labels 0 and 1, 0 if undefined.

    Raises:
        DataError: They are no pairs of labels.
    """
    require_form(items, _is_judged, "mcc", "a gold and a predicted label, 0 or 1,")
    return float(_CORRELATION(_counts(items)))


def mcc_stderr(items: Sequence[tuple[int, int]]) -> float:
    """Return its standard error: documents drawn with replacement, a fixed key."""
    counts = _counts(items)
    draws = np.random.default_rng(_KEY).multinomial(
        len(items), counts / counts.sum(), size=RESAMPLES
    )
    return float(_CORRELATION(draws.astype(np.float64)).std(ddof=1))


def _is_judged(item: Any) -> bool:
    return (
        is_pair(item)
        and all(isinstance(i, int | np.integer) for i in item)
        and (set(item) <= {0, 1})
    )


def _counts(items: Sequence[tuple[int, int]]) -> Floats:
    """Return how often (gold, predicted) is (0, 0), (0, 1), (1, 0), (1, 1)."""
    cells = [2 * int(gold) + int(predicted) for gold, predicted in items]
    return np.bincount(cells, minlength=4).astype(np.float64)
