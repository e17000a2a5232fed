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

    def after(self, met_lower: int, met_upper: int) -> Edges:
        """Return the edges for what follows, when so many ties have been met."""
        return Edges(
            Cut(self.lower.bits, max(0, self.lower.ties - met_lower)),
            Cut(self.upper.bits, max(0, self.upper.ties - met_upper)),
        )


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
    found, met_lower, met_upper = [], 0, 0
    for in_lower, in_upper in ties:
        found.append(
            Edges(
                _in_span(lower, lower.ties - met_lower, in_lower),
                _in_span(upper, upper.ties - met_upper, in_upper),
            )
        )
        met_lower, met_upper = met_lower + in_lower, met_upper + in_upper
    return found


def _in_span(cut: Cut, room: int, count: int) -> Cut:
    """Return a cut that splits ties only if some of a span's lie on either side."""
    if room >= count:
        return Cut(cut.bits + 1) if count else Cut(cut.bits)
    return Cut(cut.bits, max(0, room))
