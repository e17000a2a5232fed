"""Which elements a band of magnitudes keeps, exactly and without a sort.

The magnitudes of floats are ordered as their bits are without the sign. So a histogram
of the upper 16 bits finds the bins in which the band begins and ends, and a histogram
of the lower 16 bits of those bins alone finds the values: two passes over the data, no
index and no full-size temporary.

Elements of one magnitude are ordered by their index, as a stable ascending sort would.
A fine-tuned bf16 model shares most of its weights with its base, so ties at zero are
the rule: they are what makes the density exact, and the same on every device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from mergekit_ext.kernels.deltas import TaskVector, chunks


INFINITY_BITS = 0x7F800000
_UPPER_BINS, _LOWER_BINS = 1 << 15, 1 << 16


@dataclass(frozen=True)
class Cut:
    """A place in the order by (magnitude, index).

    Before it lie the elements whose magnitude bits are below ``bits``, and the first
    ``ties`` of those whose bits equal it.
    """

    bits: int
    ties: int = 0


BEFORE_ALL, AFTER_ALL = Cut(0), Cut(INFINITY_BITS + 1)


@dataclass
class Band:
    """The elements between two cuts.

    It counts the ties it has met: a ``Band`` serves one pass, over chunks in order.
    """

    lower: Cut
    upper: Cut
    _met: dict[Cut, int] = field(default_factory=dict, init=False, repr=False)

    def keep(self, start: int, delta: torch.Tensor) -> torch.Tensor:
        """Return the boolean mask of the next chunk of the task vector."""
        bits = magnitude_bits(delta)
        keep = (bits >= self.lower.bits).bitwise_and_(bits < self.upper.bits)
        if self.upper.ties:
            keep.bitwise_or_(self._ties_before(self.upper, bits))
        if self.lower.ties:
            keep.bitwise_and_(self._ties_before(self.lower, bits).logical_not_())
        return keep

    def _ties_before(self, cut: Cut, bits: torch.Tensor) -> torch.Tensor:
        room = cut.ties - self._met.get(cut, 0)
        if room <= 0:
            return torch.zeros_like(bits, dtype=torch.bool)
        tied = bits == cut.bits
        met = int(tied.count_nonzero())
        self._met[cut] = cut.ties - room + met
        if met > room:
            tied.bitwise_and_(tied.cumsum(0) <= room)
        return tied


def kept_positions(numel: int, density: float, gamma: float) -> tuple[int, int]:
    """Return the first and last-plus-one position kept in ascending order.

    ``int(density * numel)`` elements are kept. The ``int(gamma * numel)`` largest are
    dropped, or as many of them as that leaves; then the smallest. As mergekit does.
    """
    if density >= 1:
        return 0, numel
    kept = int(density * numel)
    first = max(0, numel - kept - int(gamma * numel))
    return first, first + kept


def kept_band(
    vector: TaskVector, density: float, gamma: float, chunk: int | None = None
) -> Band:
    """Find the band of magnitudes that Breadcrumbs keeps of a task vector.

    Args:
        vector: The task vector; its magnitudes are compared in float32.
        density: The share of elements to keep, 0 to 1; 1 keeps all.
        gamma: The share of the largest elements to drop, 0 to 1.
        chunk: Elements a chunk; by default what suits the device.

    Raises:
        InputError: If a delta is not a number.
    """
    lower, upper = kept_positions(vector.numel, density, gamma)
    if lower >= upper:
        return Band(BEFORE_ALL, BEFORE_ALL)
    inner = sorted({lower, upper} - {0, vector.numel})
    cuts = {0: BEFORE_ALL, vector.numel: AFTER_ALL}
    cuts |= dict(zip(inner, find_cuts(vector, inner, chunk), strict=True))
    return Band(cuts[lower], cuts[upper])


def find_cuts(
    vector: TaskVector, positions: list[int], chunk: int | None = None
) -> list[Cut]:
    """Find the cut before the element at each position of the ascending order."""
    if not positions:
        return []
    coarse = _zeros(_UPPER_BINS, vector)
    for bits in _bits_by_chunk(vector, chunk):
        coarse += torch.bincount(bits >> 16, minlength=_UPPER_BINS)
    places = [_locate(coarse, position) for position in positions]
    fine = {upper: _zeros(_LOWER_BINS, vector) for upper, _ in places}
    for bits in _bits_by_chunk(vector, chunk):
        near = bits[_in_bins(bits >> 16, list(fine))]
        for upper, histogram in fine.items():
            lower_bits = near[near >> 16 == upper] & 0xFFFF
            histogram += torch.bincount(lower_bits, minlength=_LOWER_BINS)
    return [_cut(upper, *_locate(fine[upper], rank)) for upper, rank in places]


def magnitude_bits(delta: torch.Tensor) -> torch.Tensor:
    """Return the bits of the float32 magnitudes as int32: they sort as those do."""
    return delta.to(torch.float32).view(torch.int32) & 0x7FFFFFFF


def _bits_by_chunk(vector: TaskVector, chunk: int | None) -> Iterator[torch.Tensor]:
    for start, stop in chunks(vector.numel, vector.base.device, chunk):
        yield magnitude_bits(vector.chunk(start, stop))


def _zeros(size: int, vector: TaskVector) -> torch.Tensor:
    return torch.zeros(size, dtype=torch.int64, device=vector.base.device)


def _in_bins(upper_bits: torch.Tensor, bins: list[int]) -> torch.Tensor:
    found = upper_bits == bins[0]
    for upper in bins[1:]:
        found.bitwise_or_(upper_bits == upper)
    return found


def _locate(histogram: torch.Tensor, position: int) -> tuple[int, int]:
    """Return the bin that holds a position, and the position's rank inside it."""
    ends = histogram.cumsum(0).cpu()
    found = int(torch.searchsorted(ends, position, right=True))
    return found, position - (int(ends[found - 1]) if found else 0)


def _cut(upper: int, lower: int, ties: int) -> Cut:
    return Cut(upper << 16 | lower, ties)
