"""The passes in plain PyTorch, for any device and any dtype."""

from __future__ import annotations

import torch

from mergekit_ext.kernels.inputs import chunks, flat_slice
from mergekit_ext.kernels.order_statistics import INFINITY_BITS, Cut, Edges
from mergekit_ext.kernels.philox import keep_mask
from mergekit_ext.kernels.terms import Dropout, Merge


# up to this size PyTorch starts no threads of its own; longer runs suit accelerators
_CPU_BLOCK, _ACCELERATOR_BLOCK = 1 << 15, 1 << 24


class TorchPasses:
    """The passes of ``Passes``, each a handful of tensor operations a block."""

    def __init__(self, what: Merge, out: torch.Tensor) -> None:
        on_cpu = out.device.type == "cpu"
        self.block = _CPU_BLOCK if on_cpu else _ACCELERATOR_BLOCK
        self._what = what
        self._dtype = what.work_dtype
        self._base = None if what.base is None else what.base.tensor.detach()
        self._experts = [term.expert.tensor.detach() for term in what.terms]
        self._weights = [self._scalar(term.weight) for term in what.terms]
        self._out = out.view(-1)

    def new_rows(self, size: int) -> torch.Tensor:
        """Return rows of the work dtype, and one more for sums."""
        shape = (len(self._experts) + 1, size)
        return torch.empty(shape, dtype=self._dtype, device=self._out.device)

    def count_upper(self, k: int, start: int, stop: int, into: torch.Tensor) -> bool:
        """Count the upper 16 bits of magnitudes; return whether there is NaN."""
        top = 0
        for at, end in chunks(start, stop, self.block):
            bits = magnitude_bits(self._delta(k, at, end))
            top = max(top, int(bits.max()))
            into += torch.bincount(bits >> 16, minlength=len(into))
        return top > INFINITY_BITS

    def count_lower(
        self, k: int, start: int, stop: int, bins: list[int], into: torch.Tensor
    ) -> None:
        """Count, for each bin of upper bits, the lower 16 bits in a row of ``into``."""
        for at, end in chunks(start, stop, self.block):
            bits = magnitude_bits(self._delta(k, at, end))
            upper = bits >> 16
            for row, wanted in enumerate(bins):
                found = bits[upper == wanted] & 0xFFFF
                into[row] += torch.bincount(found, minlength=into.shape[1])

    def row_whole(
        self, k: int, start: int, stop: int, factor: float, rows: torch.Tensor
    ) -> bool:
        """Write the task vector times ``factor``; return whether it holds NaN."""
        row = self._delta(k, start, stop, rows)
        nan = bool(row.isnan().any())
        row.mul_(self._scalar(factor))
        return nan

    def row_band(
        self, k: int, start: int, stop: int, factor: float, rows: torch.Tensor,
        edges: Edges,
    ) -> bool:  # fmt: skip
        """Write what lies within edges that do not split, 0 elsewhere."""
        row = self._delta(k, start, stop, rows)
        bits = magnitude_bits(row)
        keep = (bits >= edges.lower.bits).bitwise_and_(bits < edges.upper.bits)
        self._mask(row, keep, factor)
        return int(bits.max()) > INFINITY_BITS

    def row_split(
        self, k: int, start: int, stop: int, factor: float, rows: torch.Tensor,
        edges: Edges,
    ) -> tuple[bool, int, int]:  # fmt: skip
        """As ``row_band``, for any edges; return how many ties were met at each, too."""
        row = self._delta(k, start, stop, rows)
        bits = magnitude_bits(row)
        before_lower, met_lower = _before(edges.lower, bits)
        before_upper, met_upper = _before(edges.upper, bits)
        self._mask(row, before_upper.bitwise_and_(before_lower.logical_not_()), factor)
        return int(bits.max()) > INFINITY_BITS, met_lower, met_upper

    def row_dropout(
        self, k: int, start: int, stop: int, factor: float, rows: torch.Tensor,
        keep: Dropout,
    ) -> bool:  # fmt: skip
        """Write what a dropout keeps, 0 elsewhere."""
        row = self._delta(k, start, stop, rows)
        nan = bool(row.isnan().any())
        kept = keep_mask(keep.key, start, stop, keep.below, row.device)
        self._mask(row, kept, factor)
        return nan

    def row_values(self, k: int, size: int, rows: torch.Tensor) -> torch.Tensor:
        """Return the first elements of a row as a tensor."""
        return rows[k, :size]

    def finish(self, start: int, stop: int, rows: torch.Tensor) -> bool:
        """Combine the rows, add the base, write; return whether there is NaN."""
        *experts, total = rows[:, : stop - start]
        total.zero_()
        for row in experts:
            total.add_(row)
        if self._what.elect:
            total = self._elected(experts, total)
        if self._base is not None:
            total.add_(flat_slice(self._base, start, stop))
        self._out[start:stop] = total
        return bool(total.isnan().any())

    def _elected(self, rows: list[torch.Tensor], total: torch.Tensor) -> torch.Tensor:
        # where the sum is below 0, or NaN, all signs are turned over
        turned = (total >= 0).logical_not_().to(total.dtype).mul_(-2).add_(1)
        mixed, divisor = torch.zeros_like(total), torch.zeros_like(total)
        for row, weight in zip(rows, self._weights, strict=True):
            agrees = turned * row > 0
            _drop(row, agrees)
            mixed.add_(row)
            if self._what.normalize:
                divisor.add_(agrees.to(total.dtype).mul_(weight))
        if self._what.normalize:
            mixed.div_(divisor.masked_fill_(divisor == 0, 1))
        if self._what.factor != 1:
            mixed.mul_(self._scalar(self._what.factor))
        return mixed

    def _delta(
        self, k: int, start: int, stop: int, rows: torch.Tensor | None = None
    ) -> torch.Tensor:
        expert = flat_slice(self._experts[k], start, stop)
        if rows is None:
            row = expert.to(self._dtype, copy=True)
        else:
            row = rows[k, : stop - start].copy_(expert)
        if self._base is not None:
            row.sub_(flat_slice(self._base, start, stop))
        return row

    def _mask(self, row: torch.Tensor, keep: torch.Tensor, factor: float) -> None:
        _drop(row.mul_(self._scalar(factor)), keep)

    def _scalar(self, value: float) -> float:
        """Round a factor to the work dtype once, as the contract says."""
        return float(torch.tensor(value, dtype=self._dtype))


def magnitude_bits(values: torch.Tensor) -> torch.Tensor:
    """Return the bits of the float32 magnitudes as int32: they sort as those do."""
    return values.to(torch.float32).view(torch.int32) & 0x7FFFFFFF


def _before(cut: Cut, bits: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return what lies before a cut, and how many elements equal its bits."""
    before = bits < cut.bits
    if not cut.ties:
        return before, 0
    tied = bits == cut.bits
    met = int(tied.count_nonzero())
    if met > cut.ties:
        tied.bitwise_and_(tied.cumsum(0) <= cut.ties)
    return before.bitwise_or_(tied), met


def _drop(values: torch.Tensor, keep: torch.Tensor) -> None:
    """Set what is not kept to zero, infinities too, by its bits.

    ``torch.where`` says the same, ten times slower on a CPU.
    """
    integer = torch.int64 if values.dtype == torch.float64 else torch.int32
    values.view(integer).bitwise_and_(keep.to(integer).neg_())
