"""Where the bands of a merge begin and end, found by passes over its spans."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mergekit_ext.kernels.order_statistics import (
    LOWER_BINS,
    UPPER_BINS,
    Cut,
    Edges,
    edges_by_span,
    locate,
    outer_cuts,
)
from mergekit_ext.kernels.passes import Passes
from mergekit_ext.kernels.sampling import Census, brackets, capacity, settle
from mergekit_ext.kernels.spans import Span, each
from mergekit_ext.kernels.terms import Band, Merge


# a cut, and how many elements of each span equal its bits
Found = tuple[Cut, list[int]]


class CutSearch:
    """The search for the cuts of one merge.

    Args:
        what: The merge.
        passes: The passes over it.
        over: The spans, in order.
        sampling: Whether cuts are guessed from a sample first; it changes no bit.
    """

    def __init__(
        self, what: Merge, passes: Passes, over: Sequence[Span], *, sampling: bool
    ) -> None:
        self.what, self.passes, self.over = what, passes, over
        self.sampling = sampling and all(
            one.tensor.is_contiguous() for one in what.inputs
        )

    def edges(self, k: int, band: Band) -> tuple[list[Edges], bool]:
        """Return what a term's band keeps in each span, and whether a delta is NaN."""
        cuts = outer_cuts(band, self.what.like.numel())
        ties = {position: [0] * len(self.over) for position in cuts}
        positions = sorted({band.first, band.last} - cuts.keys())
        nan = False
        if positions:
            found, nan = self.by_sample(k, positions) if self.sampling else (None, nan)
            if found is None:
                found, nan = self.by_histogram(k, positions)
            for position, (cut, by_span) in zip(positions, found, strict=True):
                cuts[position], ties[position] = cut, by_span
        pairs = list(zip(ties[band.first], ties[band.last], strict=True))
        return edges_by_span(cuts[band.first], cuts[band.last], pairs), nan

    def by_sample(
        self, k: int, positions: list[int]
    ) -> tuple[list[Found] | None, bool]:
        """Find cuts in one pass; ``None`` where the sample has misled."""
        guesses = brackets(self.what, k, positions)

        def work(index: int, span: Span) -> tuple[list[Census] | None, bool]:
            return self.passes.census(k, *span, guesses, capacity(span[1] - span[0]))

        by_span = each(self.over, work)
        nan = any(nan for _, nan in by_span)
        censuses = [found for found, _ in by_span if found is not None]
        if len(censuses) < len(by_span):
            return None, nan
        settled = []
        for row, position in enumerate(positions):
            one = settle(guesses[row], position, [found[row] for found in censuses])
            if one is None:
                return None, nan
            settled.append(one)
        return settled, nan

    def by_histogram(self, k: int, positions: list[int]) -> tuple[list[Found], bool]:
        """Find cuts in two passes, whatever the data."""
        coarse, nan = self._count_upper(k)
        places = [locate(coarse, position) for position in positions]
        bins = sorted({upper for upper, _ in places})
        fine = self._count_lower(k, bins)
        found = []
        for upper, rank in places:
            by_span = fine[:, bins.index(upper)]
            lower, before = locate(by_span.sum(0), rank)
            found.append((Cut(upper << 16 | lower, before), by_span[:, lower].tolist()))
        return found, nan

    def _count_upper(self, k: int) -> tuple[torch.Tensor, bool]:
        def work(index: int, span: Span) -> tuple[torch.Tensor, bool]:
            histogram = self._zeros(UPPER_BINS)
            return histogram, self.passes.count_upper(k, *span, histogram)

        found = each(self.over, work)
        histograms = torch.stack([histogram for histogram, _ in found])
        return histograms.sum(0), any(nan for _, nan in found)

    def _count_lower(self, k: int, bins: list[int]) -> torch.Tensor:
        def work(index: int, span: Span) -> torch.Tensor:
            histograms = self._zeros(len(bins), LOWER_BINS)
            self.passes.count_lower(k, *span, bins, histograms)
            return histograms

        return torch.stack(each(self.over, work))

    def _zeros(self, *shape: int) -> torch.Tensor:
        device = self.what.like.device
        return torch.zeros(shape, dtype=torch.int64, device=device)
