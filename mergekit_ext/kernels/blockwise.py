"""A merge in cache-sized blocks, on all cores: the order of work, for any backend."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

from mergekit_ext.kernels import mantissas
from mergekit_ext.kernels.inputs import chunks
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
from mergekit_ext.kernels.sampling import (
    WORTH_SAMPLING,
    Census,
    brackets,
    capacity,
    settle,
)
from mergekit_ext.kernels.terms import Band, Dropout, Merge


Span = tuple[int, int]
# a cut, and how many elements of each span equal its bits
Found = tuple[Cut, list[int]]
Result = TypeVar("Result")

# what a thread is worth starting for, and how many histograms may exist at a time
_SPAN, _MOST_SPANS = 1 << 17, 32


class Blockwise:
    """One merge by one backend.

    Args:
        what: The merge, without terms that are still to be rescaled.
        backend: Makes the passes.
        threads: How many spans are worked through at the same time.
        sampling: Whether cuts are guessed from a sample first; it changes no bit.
    """

    def __init__(
        self,
        what: Merge,
        backend: Callable[..., Passes],
        threads: int,
        sampling: bool | None = None,
    ) -> None:
        like = what.like
        worth = like.numel() >= WORTH_SAMPLING
        self.sampling = worth if sampling is None else sampling
        self.what = what
        self.out = torch.empty(like.shape, dtype=like.dtype, device=like.device)
        self.passes = backend(what, self.out)
        self.spans = _spans(like.numel(), threads)

    def merge(self) -> tuple[torch.Tensor, bool]:
        """Return the result, and whether a delta or an element of it is NaN."""
        bad = False
        edges: dict[int, list[Edges]] = {}
        for k, term in enumerate(self.what.terms):
            if isinstance(term.keep, Band):
                edges[k], nan = self._edges(k, term.keep)
                bad |= nan
        factors = self.what.coefficients

        def work(index: int, span: Span) -> bool:
            found, nan = {k: parts[index] for k, parts in edges.items()}, False
            rows = self._rows(span)
            for start, stop in chunks(*span, self.passes.block):
                for k, factor in enumerate(factors):
                    nan |= self._row(k, start, stop, factor, rows, found)
                nan |= self.passes.finish(start, stop, rows)
            return nan

        return self.out, any(self._each(work)) or bad

    def ratio(self, k: int) -> float:
        """Return the ratio of the L1 norms of a task vector before and after keeping."""
        keep, edges = self.what.terms[k].keep, [None] * len(self.spans)
        if isinstance(keep, Band):
            edges, _ = self._edges(k, keep)  # type: ignore[assignment]

        def work(index: int, span: Span) -> torch.Tensor:
            tables = self._zeros(2, mantissas.EXPONENTS)
            rows, found = self._rows(span), {k: edges[index]}
            for start, stop in chunks(*span, self.passes.block):
                self.passes.row_whole(k, start, stop, 1.0, rows)
                self._add(k, stop - start, rows, tables[0])
                self._row(k, start, stop, 1.0, rows, found)
                self._add(k, stop - start, rows, tables[1])
            return tables

        before, after = torch.stack(self._each(work)).sum(0)
        return mantissas.ratio(before, after)

    def _row(
        self, k: int, start: int, stop: int, factor: float, rows: Any,
        edges: dict[int, Any],
    ) -> bool:  # fmt: skip
        keep = self.what.terms[k].keep
        if keep is None:
            return self.passes.row_whole(k, start, stop, factor, rows)
        if isinstance(keep, Dropout):
            return self.passes.row_dropout(k, start, stop, factor, rows, keep)
        here = edges[k]
        if here.split:
            ties = self.passes.count_ties(k, start, stop, rows, here)
            edges[k], here = here.after(ties), here.within(ties)
        write = self.passes.row_split if here.split else self.passes.row_band
        return write(k, start, stop, factor, rows, here)

    def _add(self, k: int, size: int, rows: Any, table: torch.Tensor) -> None:
        values = self.passes.row_values(k, size, rows)
        mantissas.add_mantissas(values.to(torch.float32), table)

    def _edges(self, k: int, band: Band) -> tuple[list[Edges], bool]:
        """Find where a band begins and ends; return whether a delta is NaN, too."""
        cuts = outer_cuts(band, self.out.numel())
        ties = {position: [0] * len(self.spans) for position in cuts}
        positions = sorted({band.first, band.last} - cuts.keys())
        nan = False
        if positions:
            found, nan = self._by_sample(k, positions)
            if found is None:
                found, nan = self._by_histogram(k, positions)
            for position, (cut, by_span) in zip(positions, found, strict=True):
                cuts[position], ties[position] = cut, by_span
        pairs = list(zip(ties[band.first], ties[band.last], strict=True))
        return edges_by_span(cuts[band.first], cuts[band.last], pairs), nan

    def _by_sample(
        self, k: int, positions: list[int]
    ) -> tuple[list[Found] | None, bool]:
        """Find cuts in one pass; ``None`` where that is not worth it, or fails."""
        tensors = [one.tensor for one in self.what.inputs]
        if not self.sampling or not all(t.is_contiguous() for t in tensors):
            return None, False
        guesses = brackets(self.what, k, positions)

        def work(index: int, span: Span) -> tuple[list[Census] | None, bool]:
            return self.passes.census(k, *span, guesses, capacity(span[1] - span[0]))

        spans = self._each(work)
        nan = any(nan for _, nan in spans)
        found = [censuses for censuses, _ in spans if censuses is not None]
        if len(found) < len(spans):
            return None, nan
        settled = [
            settle(guess, position, list(of_span))
            for guess, position, of_span in zip(
                guesses, positions, zip(*found, strict=True), strict=True
            )
        ]
        return (None if None in settled else settled), nan  # type: ignore[return-value]

    def _by_histogram(
        self, k: int, positions: list[int]
    ) -> tuple[list[Found], bool]:
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
            (histogram,) = self._zeros(1, UPPER_BINS)
            return histogram, self.passes.count_upper(k, *span, histogram)

        found = self._each(work)
        return sum(part for part, _ in found), any(nan for _, nan in found)  # type: ignore[return-value]

    def _count_lower(self, k: int, bins: list[int]) -> torch.Tensor:
        def work(index: int, span: Span) -> torch.Tensor:
            histograms = self._zeros(len(bins), LOWER_BINS)
            self.passes.count_lower(k, *span, bins, histograms)
            return histograms

        return torch.stack(self._each(work))

    def _each(self, work: Callable[[int, Span], Result]) -> list[Result]:
        """Do a work for every span, one thread to a span."""
        if len(self.spans) == 1:
            return [work(0, self.spans[0])]
        with ThreadPoolExecutor(len(self.spans)) as pool:
            return list(pool.map(work, range(len(self.spans)), self.spans))

    def _rows(self, span: Span) -> Any:
        return self.passes.new_rows(min(self.passes.block, span[1] - span[0]))

    def _zeros(self, rows: int, size: int) -> torch.Tensor:
        return torch.zeros((rows, size), dtype=torch.int64, device=self.out.device)


def _spans(numel: int, threads: int) -> list[Span]:
    count = max(1, min(threads, _MOST_SPANS, numel // _SPAN))
    size = -(-numel // count // 4096) * 4096
    return list(chunks(0, numel, size)) if numel else [(0, 0)]
