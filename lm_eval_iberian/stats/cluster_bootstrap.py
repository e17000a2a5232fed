"""Draw clusters with replacement, thousands of times, and sum what they count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.stats.item_counts import Floats


RESAMPLES = 10_000
KEY = 1234
# how many numbers a chunk of draws holds: more than a cache does is four times slower
_CHUNK = 250_000
# drawing how often each of few rows comes is quicker than drawing every cluster
_FEWER = 24


def resampled_sums(
    rows: Floats, resamples: int = RESAMPLES, key: int | Sequence[int] = KEY
) -> Floats:
    """Return the column sums of as many rows, drawn with replacement, many times.

    Clusters that count the same are one row that is drawn as often as any of them
    would be: how often is multinomial, so the sums have exactly the distribution that
    drawing clusters one by one gives them. What is drawn depends on ``key``, on which
    clusters count the same and in which order they come, and not on the columns.

    Args:
        rows: Of shape (clusters, columns).
        resamples: How often.
        key: What the draws are made of.

    Returns:
        Of shape (resamples, columns).
    """
    rng = np.random.default_rng(key)
    distinct, often = distinct_rows(rows)
    sums = np.empty((resamples, rows.shape[1]))
    few = len(distinct) * _FEWER <= len(rows)
    for begin, end in _chunks(resamples, len(distinct) if few else len(rows)):
        if few:
            share = often / len(rows)
            drawn = rng.multinomial(len(rows), share, size=end - begin)
            sums[begin:end] = drawn @ distinct
        else:
            sums[begin:end] = _times(rng, end - begin, len(rows)) @ rows
    return sums


def distinct_rows(rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return every row once, in the order of first occurrence, and how often it is."""
    _, first, often = np.unique(rows, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    return rows[first[order]], often[order]


def _times(rng: np.random.Generator, resamples: int, size: int) -> Floats:
    """Return how often each of ``size`` comes in as many draws, for each resample."""
    draws = rng.integers(size, size=(resamples, size), dtype=np.int64)
    draws += (np.arange(resamples) * size)[:, np.newaxis]
    times = np.bincount(draws.ravel(), minlength=resamples * size)
    return times.reshape(resamples, size).astype(np.float64)


def _chunks(resamples: int, width: int) -> Iterator[tuple[int, int]]:
    step = max(1, _CHUNK // width)
    for begin in range(0, resamples, step):
        yield begin, min(begin + step, resamples)
