"""Micro and macro averages over prompts with several verdicts, and their errors."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Cluster = Sequence[tuple[Hashable, bool]]
RESAMPLES: Final = 2000
_CHUNK: Final = 250


def micro(clusters: Iterable[Cluster]) -> float:
    """Return the share of verdicts that are true; ``nan`` for none.

    Args:
        clusters: For each prompt its verdicts, each with its instruction type.
    """
    flat = [followed for cluster in clusters for _, followed in cluster]
    return sum(flat) / len(flat) if flat else float("nan")


def macro(clusters: Iterable[Cluster]) -> float:
    """Return the mean over instruction types of each type's share of true verdicts."""
    by_type: dict[Hashable, list[bool]] = {}
    for cluster in clusters:
        for name, followed in cluster:
            by_type.setdefault(name, []).append(followed)
    shares = [sum(values) / len(values) for values in by_type.values()]
    return sum(shares) / len(shares) if shares else float("nan")


def cluster_stderr(
    clusters: Iterable[Cluster],
    *,
    by_type: bool,
    key: int = 0,
    resamples: int = RESAMPLES,
) -> float:
    """Return the standard error of ``micro`` or ``macro`` by a cluster bootstrap.

    Whole prompts are drawn, with replacement, because the verdicts on one answer are
    not independent (Efron and Tibshirani 1993; Cameron, Gelbach and Miller 2008).

    Args:
        clusters: As for ``micro``; prompts without verdicts are left out.
        by_type: Whether it is the error of ``macro``.
        key: The key of the draws; the same key, the same error.
        resamples: How many times to draw.

    Returns:
        The standard deviation over the resamples, ``nan`` for fewer than two prompts.
    """
    import numpy as np

    counted = [cluster for cluster in clusters if cluster]
    if len(counted) < 2 or resamples < 2:
        return float("nan")
    true, total = _sums(counted, by_type)
    random = np.random.Generator(np.random.Philox(key=key))
    drawn = []
    for start in range(0, resamples, _CHUNK):
        size = (min(_CHUNK, resamples - start), len(counted))
        weights = _weights(random.integers(0, len(counted), size=size), len(counted))
        with np.errstate(invalid="ignore"):
            drawn.append(np.nanmean((weights @ true) / (weights @ total), axis=1))
    return float(np.concatenate(drawn).std(ddof=1))


def mean_stderr(values: Sequence[bool]) -> float:
    """Return the standard error of the mean of independent values."""
    count = len(values)
    if count < 2:
        return float("nan")
    share = sum(values) / count
    return float((share * (1 - share) / (count - 1)) ** 0.5)


def _sums(
    clusters: Sequence[Cluster], by_type: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return true and all verdicts, one row a prompt and one column a type."""
    import numpy as np

    names = {name for cluster in clusters for name, _ in cluster} if by_type else {None}
    columns = {name: i for i, name in enumerate(sorted(names, key=str))}
    true = np.zeros((len(clusters), len(columns)))
    total = np.zeros_like(true)
    for row, cluster in enumerate(clusters):
        for name, followed in cluster:
            column = columns[name if by_type else None]
            true[row, column] += followed
            total[row, column] += 1
    return true, total


def _weights(drawn: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return how often each prompt was drawn in each resample."""
    import numpy as np

    offsets = np.arange(len(drawn))[:, None] * count
    flat = np.bincount((drawn + offsets).ravel(), minlength=len(drawn) * count)
    return flat.reshape(len(drawn), count).astype(np.float64)
