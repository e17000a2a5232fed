"""Where a band of magnitudes begins and ends, exactly and without a sort.

The magnitudes of floats are ordered as their bits are without the sign. So a histogram
of the upper 16 bits finds the bins in which a band begins and ends, and a histogram of
the lower 16 bits of those bins alone finds the values: two passes over the data, no
index and no full-size temporary.

Elements of one magnitude are ordered by their index, as a stable ascending sort would.
A fine-tuned bf16 model shares many of its weights with its base, so ties at zero are
the rule: they are what makes the density exact, and the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mergekit_ext.kernels.terms import Band


INFINITY_BITS = 0x7F800000
UPPER_BINS, LOWER_BINS = 1 << 15, 1 << 16


@dataclass(frozen=True)
class Cut:
    """A place in the order by (magnitude, index).

    Before it lie the elements whose magnitude bits are below ``bits``, and the first
    ``ties`` of those whose bits equal it.
    """

    bits: int
    ties: int = 0

    def within(self, count: int) -> Cut:
        """Return the same place among the next ``count`` elements that equal its bits.

        It has ties left only if some of them lie on either side.
        """
        if self.ties < count:
            return self
        return Cut(self.bits + 1) if count else Cut(self.bits)

    def after(self, count: int) -> Cut:
        """Return the same place once ``count`` of its ties have gone by."""
        return Cut(self.bits, max(0, self.ties - count))


@dataclass(frozen=True)
class Edges:
    """A band within one span of the elements, which a pass goes through in order.

    Kept are the magnitude bits from ``lower.bits`` to below ``upper.bits``. Where a
    cut has ``ties``, the elements that equal its bits are split: the first ``ties`` of
    them that the pass meets lie before the cut, the others after it.
    """

    lower: Cut
    upper: Cut

    @property
    def split(self) -> bool:
        """Whether elements of one magnitude have to be counted."""
        return self.lower.ties > 0 or self.upper.ties > 0

    def within(self, ties: tuple[int, int]) -> Edges:
        """Return the edges for a part of the span that has so many ties at each cut."""
        return Edges(self.lower.within(ties[0]), self.upper.within(ties[1]))

    def after(self, ties: tuple[int, int]) -> Edges:
        """Return the edges for what follows such a part."""
        return Edges(self.lower.after(ties[0]), self.upper.after(ties[1]))


@dataclass(frozen=True)
class Bracket:
    """Two magnitudes, as bits, between which or at which an element is expected."""

    low: int
    high: int


@dataclass(frozen=True)
class Census:
    """What one span of the data has to say to one bracket.

    Args:
        below: How many elements lie below ``low``.
        at_low: How many equal it.
        between: The bits of those strictly between, int32, in any order.
        at_high: How many equal ``high``.
    """

    below: int
    at_low: int
    between: torch.Tensor
    at_high: int


BEFORE_ALL, AFTER_ALL = Cut(0), Cut(INFINITY_BITS + 1)


def outer_cuts(band: Band, size: int) -> dict[int, Cut]:
    """Return the cuts that need no look at the data: those at either end."""
    if band.first >= band.last:
        return {band.first: BEFORE_ALL, band.last: BEFORE_ALL}
    return {0: BEFORE_ALL, size: AFTER_ALL}


def locate(histogram: torch.Tensor, position: int) -> tuple[int, int]:
    """Return the bin that holds a position, and the position's rank inside it.

    Args:
        histogram: Counts, int64, one dimension.
        position: From 0 to below the sum of the counts.
    """
    ends = histogram.cumsum(0).cpu()
    found = int(torch.searchsorted(ends, position, right=True))
    return found, position - (int(ends[found - 1]) if found else 0)


def edges_by_span(
    lower: Cut, upper: Cut, ties: Sequence[tuple[int, int]]
) -> list[Edges]:
    """Return what a band keeps in each of consecutive spans.

    Args:
        lower: Where the band begins.
        upper: Where it ends.
        ties: For each span, how many elements equal each cut's bits.
    """
    edges, found = Edges(lower, upper), []
    for counts in ties:
        found.append(edges.within(counts))
        edges = edges.after(counts)
    return found


def settle(
    bracket: Bracket, position: int, found: list[Census]
) -> tuple[Cut, list[int]] | None:
    """Return the cut before the element at a position, and the ties in each span.

    Returns:
        ``None`` where the element lies outside the bracket.
    """
    rank = position - sum(span.below for span in found)
    at_low = [span.at_low for span in found]
    if bracket.low == bracket.high:
        inside = 0 <= rank < sum(at_low)
        return (Cut(bracket.low, rank), at_low) if inside else None
    between = torch.cat([span.between for span in found])
    at_high = [span.at_high for span in found]
    if not 0 <= rank < sum(at_low) + len(between) + sum(at_high):
        return None
    if rank < sum(at_low):
        return Cut(bracket.low, rank), at_low
    rank -= sum(at_low)
    if rank >= len(between):
        return Cut(bracket.high, rank - len(between)), at_high
    bits = _at_rank(between, rank)
    ties = rank - int((between < bits).count_nonzero())
    return Cut(bits, ties), [
        int((span.between == bits).count_nonzero()) for span in found
    ]


def _at_rank(values: torch.Tensor, rank: int) -> int:
    if values.device.type == "cpu":  # NumPy selects in linear time
        return int(np.partition(values.numpy(), rank)[rank])
    return int(values.kthvalue(rank + 1).values)
