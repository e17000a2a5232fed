"""Where the bands of a merge begin and end, found by passes over its spans.

A sorted sample says between which two magnitudes the element of some rank must lie,
almost surely. One pass over the data then counts what is below and gathers the few in
between, among which the exact one is found; where the guess was wrong, that pass shows
it. So a sample decides how much work there is, never what comes out. Floyd, Rivest:
"Expected time bounds for selection" (CACM 18(3), 1975).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from mergekit_ext.kernels.kept_cuts import kept
from mergekit_ext.kernels.order_statistics import (
    INFINITY_BITS,
    LOWER_BINS,
    UPPER_BINS,
    Bracket,
    Census,
    Cut,
    Edges,
    edges_by_span,
    locate,
    outer_cuts,
    settle,
)
from mergekit_ext.kernels.passes import Passes
from mergekit_ext.kernels.philox import philox
from mergekit_ext.kernels.tensors import Span, each
from mergekit_ext.kernels.terms import Band, Merge


# smaller tensors are done before a sample would be sorted
WORTH_SAMPLING = 1 << 18
_SHARE, _LARGEST, _RUN = 256, 1 << 20, 8
_DEVIATIONS = 5
_KEY = 0x1BE51A

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
        asked = "edges", band, tuple(self.over)
        return kept(self.what, [k], asked, lambda: self._searched(k, band))

    def _searched(self, k: int, band: Band) -> tuple[list[Edges], bool]:
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


def brackets(what: Merge, k: int, positions: list[int]) -> list[Bracket]:
    """Guess where the elements of some ranks are, from a sample of a task vector."""
    sample = _sample(what, k)
    return [_bracket(sample, position / what.like.numel()) for position in positions]


def capacity(size: int) -> int:
    """Return how many elements of a span may lie between before a guess is no good."""
    sample = _sample_size(size)
    margin = _DEVIATIONS * math.sqrt(0.25 / sample) + 2 * _RUN / sample
    # two brackets, with a margin on either side
    return int(4 * margin * size) + 1024


def _sample_size(size: int) -> int:
    return max(1, min(size // _SHARE, _LARGEST) // _RUN) * _RUN


def _sample(what: Merge, k: int) -> torch.Tensor:
    """Return sorted magnitude bits of short runs, one from each of equal strata."""
    numel, device = what.like.numel(), what.like.device
    runs = _sample_size(numel) // _RUN
    stratum = numel // runs
    index = torch.arange(runs, device=device)
    start = index * stratum + philox(_KEY, index)[0] % (stratum - _RUN + 1)
    places = (start.unsqueeze(1) + torch.arange(_RUN, device=device)).view(-1)
    expert = what.terms[k].expert.tensor.detach().view(-1)[places]
    values = expert.to(what.work_dtype)
    if what.base is not None:
        values -= what.base.tensor.detach().view(-1)[places].to(values.dtype)
    bits = values.to(torch.float32).view(torch.int32) & 0x7FFFFFFF
    if device.type == "cpu":  # NumPy sorts integers with wider vectors
        return torch.from_numpy(np.sort(bits.numpy()))
    return bits.sort().values


def _bracket(sample: torch.Tensor, share: float) -> Bracket:
    size = len(sample)
    margin = _DEVIATIONS * math.sqrt(size * share * (1 - share)) + 2 * _RUN
    low, high = math.floor(share * size - margin), math.ceil(share * size + margin)
    return Bracket(
        int(sample[low]) if low >= 0 else -1,
        int(sample[high]) if high < size else INFINITY_BITS + 1,
    )
