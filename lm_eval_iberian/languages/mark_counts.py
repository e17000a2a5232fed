"""Counts of marks (byte sequences, words) in the parts of a text, and their logarithms.

A mark that stands in a part n times weighs log(1 + n) there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float32]
# marks, numbers from 0, and the part of each
Found = tuple[NDArray[np.integer], NDArray[np.intp]]
_FEW: Final = 4096


@dataclass(frozen=True, eq=False)
class MarkCounts:
    """What marks a text has.

    Attributes:
        distinct: The different marks, in order.
        totals: How often each stands in the whole text.
        logs: The logarithm of each mark's count and 1: a row for each part, and one
            more, the last, for the whole text.
    """

    distinct: NDArray[np.integer]
    totals: NDArray[np.intp]
    logs: Floats


def count_both(one: Found, other: Found, parts: int) -> tuple[MarkCounts, MarkCounts]:
    """Count marks of two kinds at once, which takes little more time than one."""
    end = int(one[0].max(initial=-1)) + 1
    marks = np.concatenate((one[0], other[0] + end))
    both = count_marks(marks, np.concatenate((one[1], other[1])), parts)
    at = int(both.distinct.searchsorted(end))
    return (
        MarkCounts(both.distinct[:at], both.totals[:at], both.logs[:, :at]),
        MarkCounts(both.distinct[at:] - end, both.totals[at:], both.logs[:, at:]),
    )


def count_marks(
    found: NDArray[np.integer], owner: NDArray[np.intp], parts: int
) -> MarkCounts:
    """Count marks by part.

    Args:
        found: The marks, numbers from 0.
        owner: The part of each.
        parts: How many parts there are.
    """
    if not len(found):
        nothing = np.zeros(0, np.intp)
        return MarkCounts(nothing, nothing, np.zeros((parts + 1, 0), np.float32))
    # sorted as one number, equal marks stand together, and in them equal parts
    shift = parts.bit_length()
    kind = np.int32 if (int(found.max()) + 1) << shift < 1 << 31 else np.int64
    keys: NDArray[np.signedinteger] = found.astype(kind)
    keys = (keys << kind(shift)) | owner.astype(kind)
    keys.sort()
    starts = _starts(keys)
    pairs = keys.take(starts)
    marks = pairs >> shift
    first = _starts(marks)
    column = np.zeros(len(marks), np.intp)
    column[first[1:]] = 1
    place = column.cumsum() + (pairs & ((1 << shift) - 1)) * np.intp(len(first))
    logs = np.zeros((parts + 1, len(first)), np.float32)
    logs.reshape(-1)[place] = log1p(_lengths(starts, len(keys)))
    totals = _lengths(starts.take(first), len(keys))
    logs[-1] = log1p(totals)
    return MarkCounts(marks.take(first), totals, logs)


def _starts(ordered: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return where each run of equal numbers begins."""
    begins = np.empty(len(ordered), np.bool_)
    begins[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins.nonzero()[0]


def _lengths(starts: NDArray[np.intp], end: int) -> NDArray[np.intp]:
    """Return how long each run is, the last up to the end."""
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1] = end - starts[-1]
    return lengths


def log1p(counts: NDArray[np.intp]) -> Floats:
    """Return the logarithm of counts and 1; looked up, as most are small."""
    known = _logarithms()
    if counts.max(initial=0) < len(known):
        return known.take(counts)
    return np.log1p(counts.astype(np.float32))


@cache
def _logarithms() -> Floats:
    return np.log1p(np.arange(_FEW, dtype=np.float32))
