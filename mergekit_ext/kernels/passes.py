"""What a backend has to offer: passes over spans of a merge's elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from mergekit_ext.kernels.order_statistics import Bracket, Census, Edges
from mergekit_ext.kernels.terms import Dropout, Merge, RankDropout


class Passes(Protocol):
    """The passes over one merge; ``k`` is the index of a term.

    Spans are in row-major order and begin at multiples of ``block`` (the spans of a
    thread at multiples of 4, which is a block of Philox; where there is a dropout by
    rank, all at multiples of four rows). ``rows`` is what ``new_rows``
    returned. A pass may run in several threads at the same time, over other spans.
    """

    #: elements at a time for which the rows stay in the cache
    block: int

    def __init__(self, what: Merge, out: torch.Tensor) -> None:
        """Prepare to read a merge's inputs and to write to ``out``, contiguous."""

    def new_rows(self, size: int) -> Any:
        """Return uninitialised rows of ``size`` elements, one for each term."""

    def count_upper(self, k: int, start: int, stop: int, into: torch.Tensor) -> bool:
        """Count the upper 16 bits of magnitudes; return whether there is NaN."""

    def count_lower(
        self, k: int, start: int, stop: int, bins: list[int], into: torch.Tensor
    ) -> None:
        """Count, for each bin of upper bits, the lower 16 bits in a row of ``into``."""

    def census(
        self, k: int, start: int, stop: int, brackets: list[Bracket], room: int
    ) -> tuple[list[Census] | None, bool]:
        """Return what a span has to say to each of at most two brackets.

        Returns:
            ``None`` if more than ``room`` elements lie between; whether there is NaN.
        """

    def row_whole(
        self, k: int, start: int, stop: int, factor: float, rows: Any
    ) -> bool:
        """Write the task vector times ``factor``; return whether it holds NaN."""

    def row_band(
        self, k: int, start: int, stop: int, factor: float, rows: Any, edges: Edges
    ) -> bool:
        """Write what lies within edges that do not split, 0 elsewhere."""

    def count_ties(
        self, k: int, start: int, stop: int, rows: Any, edges: Edges
    ) -> tuple[int, int]:
        """Return how many elements equal the bits of the lower and the upper cut."""

    def row_split(
        self, k: int, start: int, stop: int, factor: float, rows: Any, edges: Edges
    ) -> bool:
        """As ``row_band``, for edges of which one divides the ties of the block."""

    def row_dropout(
        self, k: int, start: int, stop: int, factor: float, rows: Any, keep: Dropout
    ) -> bool:
        """Write what a dropout keeps, 0 elsewhere."""

    def row_ranked(
        self, k: int, start: int, stop: int, factor: float, rows: Any, keep: RankDropout
    ) -> bool:
        """Write what a dropout by rank keeps of whole rows, 0 elsewhere."""

    def sum_whole(self, start: int, stop: int, factors: Sequence[float]) -> bool | None:
        """Do ``row_whole`` of every term and ``finish``, of any span, without rows.

        Returns:
            Whether there is NaN; ``None`` where nothing was done, as it takes rows.
        """

    def row_values(self, k: int, size: int, rows: Any) -> torch.Tensor:
        """Return the first elements of a row as a tensor."""

    def finish(self, start: int, stop: int, rows: Any) -> bool:
        """Combine the rows, add the base, write; return whether there is NaN."""
