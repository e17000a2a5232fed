"""The passes in plain PyTorch, for any device and any dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from mergekit_ext.kernels.order_statistics import (
    INFINITY_BITS,
    Bracket,
    Census,
    Cut,
    Edges,
)
from mergekit_ext.kernels.philox import keep_bits, words
from mergekit_ext.kernels.tensors import chunks, flat_slice, work_dtype
from mergekit_ext.kernels.terms import Dropout, Merge, RankDropout


# PyTorch shares a block among its threads; longer runs suit accelerators
_CPU_BLOCK, _ACCELERATOR_BLOCK = 1 << 18, 1 << 24


class Rows:
    """Buffers for one block: a row for each term, their sum, the base, and bits.

    Kept from block to block, because fresh memory costs more than the arithmetic.
    """

    def __init__(self, terms: int, size: int, like: torch.Tensor, dtype: torch.dtype):
        def new(*shape: int, dtype: torch.dtype) -> torch.Tensor:
            return torch.empty(shape, dtype=dtype, device=like.device)

        self.terms = new(terms, size, dtype=dtype)
        self.total = new(size, dtype=dtype)
        self.base = new(size, dtype=dtype)
        self.sign = new(size, dtype=dtype)
        self.spare = new(2, size, dtype=dtype)
        self.bits = new(2, size, dtype=torch.int32)
        self.span = (-1, -1)


class TorchPasses:
    """The passes of ``Passes``, each a handful of tensor operations a block."""

    def __init__(self, what: Merge, out: torch.Tensor) -> None:
        self.block = _block(out.device)
        self._what = what
        self._dtype = what.work_dtype
        self._base = None if what.base is None else what.base.tensor.detach()
        self._experts = [term.expert.tensor.detach() for term in what.terms]
        self._weights = [self._scalar(term.weight) for term in what.terms]
        self._out = out.view(-1)

    def new_rows(self, size: int) -> Rows:
        """Return rows of the work dtype."""
        return Rows(len(self._experts), size, self._out, self._dtype)

    def count_upper(self, k: int, start: int, stop: int, into: torch.Tensor) -> bool:
        """Count the upper 16 bits of magnitudes; return whether there is NaN."""
        top, rows = 0, self._new_rows(start, stop)
        for at, end in chunks(start, stop, self.block):
            bits, spare = self._bits(self._delta(k, at, end, rows), rows)
            top = max(top, int(bits.max()))
            upper = torch.bitwise_right_shift(bits, 16, out=spare)
            into += torch.bincount(upper, minlength=len(into))
        return top > INFINITY_BITS

    def count_lower(
        self, k: int, start: int, stop: int, bins: list[int], into: torch.Tensor
    ) -> None:
        """Count, for each bin of upper bits, the lower 16 bits in a row of ``into``."""
        rows = self._new_rows(start, stop)
        for at, end in chunks(start, stop, self.block):
            bits, spare = self._bits(self._delta(k, at, end, rows), rows)
            upper = torch.bitwise_right_shift(bits, 16, out=spare)
            for row, wanted in enumerate(bins):
                found = bits[upper == wanted].bitwise_and_(0xFFFF)
                into[row] += torch.bincount(found, minlength=into.shape[1])

    def census(
        self, k: int, start: int, stop: int, brackets: list[Bracket], room: int
    ) -> tuple[list[Census] | None, bool]:
        """Return what a span has to say to each bracket, and whether there is NaN."""
        top, rows = 0, self._new_rows(start, stop)
        counts = [[0, 0, 0] for _ in brackets]
        between: list[list[torch.Tensor]] = [[] for _ in brackets]
        for at, end in chunks(start, stop, self.block):
            bits, spare = self._bits(self._delta(k, at, end, rows), rows)
            top = max(top, int(bits.max()))
            for one, count, gathered in zip(brackets, counts, between, strict=True):
                count[0] += _count(torch.lt(bits, one.low, out=spare))
                count[1] += _count(torch.eq(bits, one.low, out=spare))
                count[2] += _count(torch.eq(bits, one.high, out=spare))
                gathered.append(_between(bits, one))
                room -= len(gathered[-1])
            if room < 0:
                return None, top > INFINITY_BITS
        found = [
            Census(below, at_low, torch.cat(gathered), at_high)
            for (below, at_low, at_high), gathered in zip(counts, between, strict=True)
        ]
        return found, top > INFINITY_BITS

    def row_whole(
        self, k: int, start: int, stop: int, factor: float, rows: Rows
    ) -> bool:
        """Write the task vector times ``factor``; return whether it holds NaN."""
        row = self._delta(k, start, stop, rows)
        nan = _has_nan(row)
        row.mul_(self._scalar(factor))
        return nan

    def row_band(
        self, k: int, start: int, stop: int, factor: float, rows: Rows, edges: Edges
    ) -> bool:
        """Write what lies within edges that do not split, 0 elsewhere."""
        row = self._delta(k, start, stop, rows)
        bits, spare = self._bits(row, rows)
        nan = int(bits.max()) > INFINITY_BITS
        row.mul_(self._scalar(factor))
        # the sign of (bits - lower) | (upper - 1 - bits) says: outside
        torch.neg(bits, out=spare).add_(edges.upper.bits - 1)
        bits.sub_(edges.lower.bits).bitwise_or_(spare)
        _keep(row, bits.bitwise_right_shift_(31).bitwise_not_())
        return nan

    def count_ties(
        self, k: int, start: int, stop: int, rows: Rows, edges: Edges
    ) -> tuple[int, int]:
        """Return how many elements equal the bits of the lower and the upper cut."""
        bits, spare = self._bits(self._delta(k, start, stop, rows), rows)
        return (
            _count(torch.eq(bits, edges.lower.bits, out=spare)),
            _count(torch.eq(bits, edges.upper.bits, out=spare)),
        )

    def row_split(
        self, k: int, start: int, stop: int, factor: float, rows: Rows, edges: Edges
    ) -> bool:
        """As ``row_band``, for edges of which one divides the ties of the block."""
        row = self._delta(k, start, stop, rows)
        bits, _ = self._bits(row, rows)
        keep = _before(edges.upper, bits) & ~_before(edges.lower, bits)
        nan = int(bits.max()) > INFINITY_BITS
        _keep(row.mul_(self._scalar(factor)), keep.to(torch.int32).neg_())
        return nan

    def row_dropout(
        self, k: int, start: int, stop: int, factor: float, rows: Rows, keep: Dropout
    ) -> bool:
        """Write what a dropout keeps, 0 elsewhere."""
        nan = self.row_whole(k, start, stop, factor, rows)
        row = rows.terms[k, : stop - start]
        _keep(row, keep_bits(keep.key, start, stop, keep.below, row.device))
        return nan

    def row_ranked(
        self, k: int, start: int, stop: int, factor: float, rows: Rows,
        keep: RankDropout,
    ) -> bool:  # fmt: skip
        """Write what a dropout by rank keeps of whole rows, 0 elsewhere."""
        row = self._delta(k, start, stop, rows)
        nan, device = _has_nan(row), row.device
        bits, _ = self._bits(row, rows)
        order = bits.view(-1, keep.row).sort(dim=1, stable=True).indices
        ascending = torch.arange(keep.row, device=device).expand_as(order)
        ranks = torch.empty_like(order).scatter_(1, order, ascending).view(-1)
        below = torch.from_numpy(keep.below).to(device)[ranks]
        factors = torch.from_numpy(keep.factors(factor)).to(device, self._dtype)
        row.mul_(factors[ranks])
        kept = words(keep.key, start, stop, device) < below
        _keep(row, kept.to(torch.int32).neg_())
        return nan

    def sum_whole(self, start: int, stop: int, factors: Sequence[float]) -> None:
        """Do nothing: what PyTorch computes is a row."""

    def row_values(self, k: int, size: int, rows: Rows) -> torch.Tensor:
        """Return the first elements of a row as a tensor."""
        return rows.terms[k, :size]

    def finish(self, start: int, stop: int, rows: Rows) -> bool:
        """Combine the rows, add the base, write; return whether there is NaN."""
        experts = list(rows.terms[:, : stop - start])
        total = rows.total[: stop - start].zero_()
        for row in experts:
            total.add_(row)
        if self._what.elect:
            total = self._elected(experts, total, rows)
        if self._base is not None:
            total.add_(self._base_at(start, stop, rows))
        self._out[start:stop] = total
        return _has_nan(total)

    def _elected(
        self, experts: list[torch.Tensor], total: torch.Tensor, rows: Rows
    ) -> torch.Tensor:
        """Return the sum, or mean, of the rows that have the sign of ``total``."""
        size, normalize = len(total), self._what.normalize
        if _has_nan(total):  # what is no number stands neither above nor below 0
            for row in experts:
                row.nan_to_num_(0, math.inf, -math.inf)
        agrees, divisor = rows.spare[:, :size]
        # 1 or -1: times that, what agrees is above 0, and sums round as they would
        sign = torch.ge(total, 0, out=rows.sign[:size]).mul_(2).sub_(1)
        mixed = total.zero_()
        divisor.zero_()
        for row, weight in zip(experts, self._weights, strict=True):
            mixed.add_(row.mul_(sign).clamp_(min=0))
            if normalize:
                divisor.add_(torch.gt(row, 0, out=agrees).mul_(weight))
        mixed.mul_(sign)
        if normalize:
            # where nothing agrees, 0 is divided by 1
            divisor.add_(torch.eq(divisor, 0, out=agrees))
            mixed.div_(divisor)
        if self._what.factor != 1:
            mixed.mul_(self._scalar(self._what.factor))
        return mixed

    def _delta(self, k: int, start: int, stop: int, rows: Rows) -> torch.Tensor:
        row = rows.terms[k, : stop - start]
        row.copy_(flat_slice(self._experts[k], start, stop))
        if self._base is not None:
            row.sub_(self._base_at(start, stop, rows))
        return row

    def _base_at(self, start: int, stop: int, rows: Rows) -> torch.Tensor:
        """Return the base in the work dtype, converted once for all terms."""
        found = rows.base[: stop - start]
        if self._base is not None and rows.span != (start, stop):
            found.copy_(flat_slice(self._base, start, stop))
            rows.span = (start, stop)
        return found

    def _bits(self, row: torch.Tensor, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the bits of the float32 magnitudes, and a spare of the kind."""
        bits, spare = rows.bits[:, : len(row)]
        as_int = row.to(torch.float32).view(torch.int32)
        return torch.bitwise_and(as_int, 0x7FFFFFFF, out=bits), spare

    def _new_rows(self, start: int, stop: int) -> Rows:
        return self.new_rows(min(self.block, stop - start))

    def _scalar(self, value: float) -> float:
        """Round a factor to the work dtype once, as the contract says."""
        return float(torch.tensor(value, dtype=self._dtype))


def nearswap(
    base: torch.Tensor, other: torch.Tensor, t: float
) -> tuple[torch.Tensor, bool]:
    """Return ``s * other + (1 - s) * base`` and whether an element of it is NaN.

    ``s`` is ``t`` divided by the distance (at least 1e-6), from 0 to 1. In float32, or
    in float64 if an input is; each operation rounded, in mergekit's order.
    """
    dtype = work_dtype([base, other])
    merged = torch.empty(base.shape, dtype=base.dtype, device=base.device)
    flat, nan = merged.view(-1), False
    for start, stop in chunks(0, base.numel(), _block(base.device)):
        one, two = (flat_slice(x, start, stop).to(dtype) for x in (base, other))
        distance = (one - two).abs_().clamp_(min=1e-6)
        share = torch.full_like(distance, t).div_(distance).clamp_(0, 1)
        found = share * two + share.neg_().add_(1).mul_(one)
        nan |= bool(found.isnan().any())
        flat[start:stop] = found
    return merged, nan


def _block(device: torch.device) -> int:
    return _CPU_BLOCK if device.type == "cpu" else _ACCELERATOR_BLOCK


def _before(cut: Cut, bits: torch.Tensor) -> torch.Tensor:
    tied = bits == cut.bits
    return (bits < cut.bits) | (tied & (tied.cumsum(0) <= cut.ties))


def _has_nan(values: torch.Tensor) -> bool:
    # the sum is NaN wherever an element is; the reverse is not so
    return bool(values.sum().isnan()) and bool(values.isnan().any())


def _count(ones: torch.Tensor) -> int:
    # a block has fewer than 2**31 elements, and sums of int64 are ten times as slow
    return int(ones.sum(dtype=torch.int32))


def _between(bits: torch.Tensor, bracket: Bracket) -> torch.Tensor:
    """Return the bits that lie strictly between, as a new tensor."""
    if bits.device.type != "cpu":
        return bits[(bits > bracket.low).bitwise_and_(bits < bracket.high)]
    # on a CPU, NumPy compares and selects five times as fast
    found = bits.numpy()
    return torch.from_numpy(found[(found > bracket.low) & (found < bracket.high)])


def _keep(values: torch.Tensor, ones: torch.Tensor) -> None:
    """Set values to zero, infinities too, but where all bits of ``ones`` are set."""
    integer = torch.int64 if values.dtype == torch.float64 else torch.int32
    values.view(integer).bitwise_and_(ones.to(integer))
