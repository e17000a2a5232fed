"""A merge in cache-sized blocks, on all cores: the order of work, for any backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from mergekit_ext.kernels import mantissas
from mergekit_ext.kernels.cut_search import WORTH_SAMPLING, CutSearch
from mergekit_ext.kernels.order_statistics import Edges
from mergekit_ext.kernels.passes import Passes
from mergekit_ext.kernels.tensors import Span, chunks, each, new_result, spans
from mergekit_ext.kernels.terms import Band, Dropout, Merge, RankDropout


# blocks at a time, where nothing has to stay in the cache
_WITHOUT_ROWS = 8
# elements at a time whose ranks are found: PyTorch's sort needs tens of bytes for each
_RANKED = 1 << 22


class Blockwise:
    """One merge by one backend.

    Args:
        what: The merge, without terms that are still to be rescaled.
        backend: Makes the passes.
        threads: How many spans are worked through at the same time.
        sampling: Whether thresholds are guessed from a sample first; by default where
            that is worth it. It changes no bit.
    """

    def __init__(
        self,
        what: Merge,
        backend: Callable[..., Passes],
        threads: int,
        sampling: bool | None = None,
    ) -> None:
        like = what.like
        self.what = what
        self.out = new_result(what.name, what.inputs)
        self.passes = backend(what, self.out)
        self.block, unit = self.passes.block, 4096
        if rows := [t.keep.row for t in what.terms if isinstance(t.keep, RankDropout)]:
            unit = 4 * math.lcm(*rows)
            self.block = max(1, min(4 * self.block, _RANKED) // unit) * unit
        self.spans = spans(like.numel(), threads, unit)
        worth = like.numel() >= WORTH_SAMPLING if sampling is None else sampling
        self.search = CutSearch(what, self.passes, self.spans, sampling=worth)

    def merge(self) -> tuple[torch.Tensor, bool]:
        """Return the result, and whether a delta or an element of it is NaN."""
        bad = False
        edges: dict[int, list[Edges]] = {}
        for k, term in enumerate(self.what.terms):
            if isinstance(term.keep, Band):
                edges[k], nan = self.search.edges(k, term.keep)
                bad |= nan
        factors = self.what.coefficients
        terms = self.what.terms
        whole = terms and not self.what.elect and all(t.keep is None for t in terms)

        def work(index: int, span: Span) -> bool:
            if whole:
                blocks = chunks(*span, _WITHOUT_ROWS * self.passes.block)
                nans = [self.passes.sum_whole(*block, factors) for block in blocks]
                if None not in nans:
                    return any(nans)
            found, nan = {k: parts[index] for k, parts in edges.items()}, False
            rows = self._rows(span)
            for start, stop in chunks(*span, self.block):
                for k, factor in enumerate(factors):
                    nan |= self._row(k, start, stop, factor, rows, found)
                nan |= self.passes.finish(start, stop, rows)
            return nan

        return self.out, any(each(self.spans, work)) or bad

    def ratio(self, k: int) -> float:
        """Return the ratio of a task vector's L1 norms before and after keeping."""
        keep = self.what.terms[k].keep
        edges = self.search.edges(k, keep)[0] if isinstance(keep, Band) else []

        def work(index: int, span: Span) -> torch.Tensor:
            shape = 2, mantissas.EXPONENTS
            tables = torch.zeros(shape, dtype=torch.int64, device=self.out.device)
            rows = self._rows(span)
            found = {k: edges[index]} if edges else {}
            for start, stop in chunks(*span, self.block):
                self.passes.row_whole(k, start, stop, 1.0, rows)
                self._add(k, stop - start, rows, tables[0])
                self._row(k, start, stop, 1.0, rows, found)
                self._add(k, stop - start, rows, tables[1])
            return tables

        before, after = torch.stack(each(self.spans, work)).sum(0)
        return mantissas.ratio(before, after)

    def _row(
        self, k: int, start: int, stop: int, factor: float, rows: Any,
        edges: dict[int, Edges],
    ) -> bool:  # fmt: skip
        """Write a term's row of a block; move its edges past the ties that went by."""
        keep = self.what.terms[k].keep
        if keep is None:
            return self.passes.row_whole(k, start, stop, factor, rows)
        if isinstance(keep, Dropout):
            return self.passes.row_dropout(k, start, stop, factor, rows, keep)
        if isinstance(keep, RankDropout):
            return self.passes.row_ranked(k, start, stop, factor, rows, keep)
        here = edges[k]
        if here.split:
            ties = self.passes.count_ties(k, start, stop, rows, here)
            edges[k], here = here.after(ties), here.within(ties)
        write = self.passes.row_split if here.split else self.passes.row_band
        return write(k, start, stop, factor, rows, here)

    def _add(self, k: int, size: int, rows: Any, table: torch.Tensor) -> None:
        values = self.passes.row_values(k, size, rows)
        mantissas.add_mantissas(values.to(torch.float32), table)

    def _rows(self, span: Span) -> Any:
        return self.passes.new_rows(min(self.block, span[1] - span[0]))
