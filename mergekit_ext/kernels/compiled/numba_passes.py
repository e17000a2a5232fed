"""The passes as compiled loops over NumPy views, for CPUs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from mergekit_ext.kernels.compiled.numba_floats import CODECS
from mergekit_ext.kernels.compiled.numba_loops import SCRATCH, loops
from mergekit_ext.kernels.order_statistics import Bracket, Census, Edges
from mergekit_ext.kernels.tensors import Span, chunks, each, spans
from mergekit_ext.kernels.terms import Dropout, Merge, RankDropout


# rows of a few experts fit a core's second-level cache
_BLOCK = 1 << 15
_BITS = {torch.bfloat16: torch.uint16, torch.float16: torch.uint16}

Rows = np.ndarray


def supports(what: Merge) -> bool:
    """Whether the compiled loops can do a merge: one dtype, nothing strided."""
    tensors = [one.tensor for one in what.inputs]
    return what.like.dtype in CODECS and all(
        tensor.is_contiguous() and tensor.dtype == what.like.dtype for tensor in tensors
    )


def nearswap(
    base: torch.Tensor, other: torch.Tensor, t: float, threads: int
) -> tuple[torch.Tensor, bool]:
    """Return what ``torch_passes.nearswap`` does, by a compiled loop."""
    merged = torch.empty(base.shape, dtype=base.dtype)
    one, two, out = (_view(tensor) for tensor in (base, other, merged))
    swap = loops(base.dtype).nearswap

    def work(index: int, span: Span) -> bool:
        part = slice(*span)
        return swap(one[part], two[part], out[part], np.float32(t))

    return merged, any(each(spans(base.numel(), threads), work))


class NumbaPasses:
    """The passes of ``Passes``, each one compiled loop a block."""

    block = _BLOCK

    def __init__(self, what: Merge, out: torch.Tensor) -> None:
        self._what = what
        self._loops = loops(out.dtype)
        self._out = _view(out)
        # without a base, the base is zero, and x - 0 is x; ranks ask for more at a time
        size = max(_BLOCK, SCRATCH)
        if rows := [t.keep.row for t in what.terms if isinstance(t.keep, RankDropout)]:
            size = 4 * max(size, math.lcm(*rows))
        self._no_base = np.zeros(size, self._out.dtype)
        self._base = None if what.base is None else _view(what.base.tensor)
        self._experts = [_view(term.expert.tensor) for term in what.terms]
        self._weights = np.array([t.weight for t in what.terms] or [0], np.float32)

    def new_rows(self, size: int) -> Rows:
        """Return rows of float32, and one more for sums."""
        if not self._experts:  # the loops begin with a first row
            return np.zeros((2, size), np.float32)
        return np.empty((len(self._experts) + 1, size), np.float32)

    def count_upper(self, k: int, start: int, stop: int, into: torch.Tensor) -> bool:
        """Count the upper 16 bits of magnitudes; return whether there is NaN."""
        histogram, nan = into.numpy(), False
        for at, end in chunks(start, stop, _BLOCK):
            nan |= self._loops.count_upper(*self._pair(k, at, end), histogram)
        return nan

    def count_lower(
        self, k: int, start: int, stop: int, bins: list[int], into: torch.Tensor
    ) -> None:
        """Count, for each bin of upper bits, the lower 16 bits in a row of ``into``."""
        histograms = into.numpy()
        # two bins at a time; the second of a lone one is never met
        one, two = np.uint32(bins[0]), np.uint32((*bins, 0xFFFF)[1])
        for at, end in chunks(start, stop, _BLOCK):
            pair = self._pair(k, at, end)
            self._loops.count_lower(*pair, one, two, histograms[0], histograms[-1])

    def census(
        self, k: int, start: int, stop: int, brackets: list[Bracket], room: int
    ) -> tuple[list[Census] | None, bool]:
        """Return what a span has to say to each bracket, and whether there is NaN."""
        ends = np.array([(one.low, one.high) for one in brackets], np.int32)
        counts = np.zeros((len(brackets), 4), np.int64)
        between = np.empty((len(brackets), room), np.int32)
        nan = False
        for at, end in chunks(start, stop, _BLOCK):
            pair = self._pair(k, at, end)
            nan |= self._loops.census(*pair, ends, counts, between)
            if counts[:, 3].max() > room:
                return None, nan
        found = [
            Census(below, at_low, torch.from_numpy(bits[:size]), at_high)
            for (below, at_low, at_high, size), bits in zip(
                counts.tolist(), between, strict=True
            )
        ]
        return found, nan

    def row_whole(
        self, k: int, start: int, stop: int, factor: float, rows: Rows
    ) -> bool:
        """Write the task vector times ``factor``; return whether it holds NaN."""
        return self._loops.whole(*self._into(k, start, stop, rows), np.float32(factor))

    def row_band(
        self, k: int, start: int, stop: int, factor: float, rows: Rows, edges: Edges
    ) -> bool:
        """Write what lies within edges that do not split, 0 elsewhere."""
        into = self._into(k, start, stop, rows)
        return self._loops.band(*into, np.float32(factor), *_bits_of(edges))

    def count_ties(
        self, k: int, start: int, stop: int, rows: Rows, edges: Edges
    ) -> tuple[int, int]:
        """Return how many elements equal the bits of the lower and the upper cut."""
        found = self._loops.ties(*self._pair(k, start, stop), *_bits_of(edges))
        return int(found[0]), int(found[1])

    def row_split(
        self, k: int, start: int, stop: int, factor: float, rows: Rows, edges: Edges
    ) -> bool:
        """As ``row_band``, for edges of which one divides the ties of the block."""
        into = self._into(k, start, stop, rows)
        ties = edges.lower.ties, edges.upper.ties
        return self._loops.split(*into, np.float32(factor), *_bits_of(edges), *ties)

    def row_dropout(
        self, k: int, start: int, stop: int, factor: float, rows: Rows, keep: Dropout
    ) -> bool:
        """Write what a dropout keeps, 0 elsewhere."""
        into = self._into(k, start, stop, rows)
        integers = np.uint64(keep.key), np.uint64(start // 4), np.uint64(keep.below)
        return self._loops.dropout(*into, np.float32(factor), *integers)

    def row_ranked(
        self, k: int, start: int, stop: int, factor: float, rows: Rows,
        keep: RankDropout,
    ) -> bool:  # fmt: skip
        """Write what a dropout by rank keeps of whole rows, 0 elsewhere."""
        into = self._into(k, start, stop, rows)
        place = np.uint64(keep.key), np.uint64(start)
        return self._loops.ranked(*into, *place, *_tables(keep, factor))

    def row_values(self, k: int, size: int, rows: Rows) -> torch.Tensor:
        """Return the first elements of a row as a tensor."""
        return torch.from_numpy(rows[k, :size])

    def finish(self, start: int, stop: int, rows: Rows) -> bool:
        """Combine the rows, add the base, write; return whether there is NaN."""
        base, out = self._base_at(start, stop), self._out[start:stop]
        if not self._what.elect:
            return self._loops.add(base, rows[:, : stop - start], out)
        normalize, factor = self._what.normalize, np.float32(self._what.factor)
        rows = rows[:, : stop - start]
        return self._loops.elect(base, rows, out, self._weights, normalize, factor)

    def sum_whole(self, start: int, stop: int, factors: Sequence[float]) -> bool:
        """Write the base and every task vector times its factor, without rows."""
        experts = tuple(expert[start:stop] for expert in self._experts)
        base = self._no_base if self._base is None else self._base[start:stop]
        out = self._out[start:stop]
        # what is no number in a task vector is none in the result
        return self._loops.add_whole(base, experts, np.array(factors, np.float32), out)

    def _pair(self, k: int, start: int, stop: int) -> tuple[Rows, Rows]:
        return self._base_at(start, stop), self._experts[k][start:stop]

    def _into(self, k: int, start: int, stop: int, rows: Rows) -> tuple[Rows, ...]:
        return (*self._pair(k, start, stop), rows[k, : stop - start])

    def _base_at(self, start: int, stop: int) -> Rows:
        if self._base is None:
            return self._no_base[: stop - start]
        return self._base[start:stop]


@lru_cache(maxsize=8)
def _tables(keep: RankDropout, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what words must lie below, and what deltas are multiplied by, by rank."""
    return keep.below.astype(np.uint32), keep.factors(factor).astype(np.float32)


def _bits_of(edges: Edges) -> tuple[np.uint32, np.uint32]:
    return np.uint32(edges.lower.bits), np.uint32(edges.upper.bits)


def _view(tensor: torch.Tensor) -> Rows:
    """Return the elements as NumPy sees them: the bits of what it has no type for."""
    flat = tensor.detach().view(-1)
    return flat.view(_BITS.get(tensor.dtype, tensor.dtype)).numpy()
