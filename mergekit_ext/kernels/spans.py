"""Consecutive spans of a tensor, one for each thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mergekit_ext.kernels.inputs import chunks


Span = tuple[int, int]
Result = TypeVar("Result")

# what a thread is worth starting for, and how many histograms may exist at a time
_SPAN, _MOST_SPANS = 1 << 17, 32


def spans(numel: int, threads: int) -> list[Span]:
    """Cut a tensor into at most ``threads`` spans, or fewer where it is small."""
    count = max(1, min(threads, _MOST_SPANS, numel // _SPAN))
    size = -(-numel // count // 4096) * 4096
    return list(chunks(0, numel, size)) if numel else [(0, 0)]


def each(over: Sequence[Span], work: Callable[[int, Span], Result]) -> list[Result]:
    """Do a work for every span, given its index, one thread to a span."""
    if len(over) == 1:
        return [work(0, over[0])]
    with ThreadPoolExecutor(len(over)) as pool:
        return list(pool.map(work, range(len(over)), over))
