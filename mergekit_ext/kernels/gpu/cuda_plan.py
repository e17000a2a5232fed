"""The plan of what a merge keeps: written by the host, completed on the device.

Nothing here waits for the device. The host queues all rounds that may be needed, and a
kernel that finds nothing left to do returns at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from mergekit_ext.kernels.gpu.cuda_launch import Launch, Operands, operands, run
from mergekit_ext.kernels.gpu.triton_count import count_kernel
from mergekit_ext.kernels.gpu.triton_narrow import narrow_kernel, sample_kernel
from mergekit_ext.kernels.gpu.triton_ties import count_ties_kernel, split_kernel
from mergekit_ext.kernels.kept_cuts import kept
from mergekit_ext.kernels.terms import Band, Dropout, Merge, RankDropout


INFINITY_BITS = 0x7F800000
# as in triton_plan and triton_count
_COLUMNS, _COUNTS = 8, 4
_FOUND, _SOUGHT = 0, 1
# of all histograms, copies and all: 64 MiB
_MOST_BINS = 1 << 24

Row = list[int]


def plan_of(what: Merge, launch: Launch) -> torch.Tensor:
    """Return the completed plan of a merge: int64, two rows a term, on its device."""
    asked = "plan", tuple(term.keep for term in what.terms), launch
    terms = list(range(len(what.terms)))
    if not any(isinstance(term.keep, Band) for term in what.terms):
        return _completed(what, launch)
    return kept(what, terms, asked, lambda: _completed(what, launch))


def _completed(what: Merge, launch: Launch) -> torch.Tensor:
    given = operands(what)
    rows = [
        row for term in what.terms for row in rows_of(term.keep, given.size, launch)
    ]
    plan = _to_device(rows, what.like.device)
    if any(row[0] == _SOUGHT for row in rows):
        Search(given, plan, launch).run()
    return plan


def rows_of(
    keep: Band | Dropout | RankDropout | None, size: int, launch: Launch
) -> tuple[Row, Row]:
    """Return the two rows of a term, with what the host knows."""
    nothing = [_FOUND] + [0] * (_COLUMNS - 1)
    if isinstance(keep, Dropout):
        signed = keep.key - (1 << 64 if keep.key >> 63 else 0)
        return [_FOUND, signed, keep.below, *nothing[3:]], nothing
    if not isinstance(keep, Band) or keep.first >= keep.last:
        return nothing, nothing
    return _cut(keep.first, size, launch), _cut(keep.last, size, launch)


def _cut(rank: int, size: int, launch: Launch) -> Row:
    """Return the row of a cut; one before or after all elements needs no search."""
    if not 0 < rank < size:
        return [_FOUND, rank, 0, 0, 0, 0 if rank <= 0 else INFINITY_BITS + 1, 0, 0]
    if size >= launch.sampled_from:
        return [_SOUGHT, rank, *_sample_ranks(rank / size, launch), 0, 0, 0, 0]
    bins = launch.bins.bit_length() - 1
    return [_SOUGHT, rank, 0, INFINITY_BITS, 31 - bins, 0, 0, 0]


def _sample_ranks(share: float, launch: Launch) -> tuple[int, int]:
    middle = launch.sample * share
    margin = 1 + launch.deviations * math.sqrt(middle * (1 - share))
    return math.floor(middle - margin), math.ceil(middle + margin)


def _to_device(rows: list[Row], device: torch.device) -> torch.Tensor:
    plan = torch.tensor(rows, dtype=torch.int64)
    # from pinned memory the copy is queued like a kernel
    return (
        plan.pin_memory().to(device, non_blocking=True)
        if device.type == "cuda"
        else plan
    )


@dataclass(frozen=True)
class Search:
    """The completion of a plan.

    Args:
        given: What the kernels read.
        plan: Completed in place.
        launch: Sizes.
    """

    given: Operands
    plan: torch.Tensor
    launch: Launch

    def run(self) -> None:
        """Guess from a sample, narrow down to one magnitude, split its ties."""
        rounds = 2
        if self.given.size >= self.launch.sampled_from:
            rounds = 3  # a wrong guess costs one
            self._sample()
        self._narrow(rounds)
        self._split()

    def _sample(self) -> None:
        self._run(
            sample_kernel,
            len(self.plan),
            warps=16,
            SAMPLE=self.launch.sample,
            BINS=self.launch.bins,
        )

    def _narrow(self, rounds: int) -> None:
        rows, bins = len(self.plan), self.launch.bins
        copies = max(1, min(self.launch.copies, _MOST_BINS // (rows * bins)))
        slots = 1 << (rows * _COUNTS - 1).bit_length()
        counts = self.plan.new_empty(slots)
        histogram = self.plan.new_empty((rows, copies, bins), dtype=torch.int32)
        sizes = {"SLOTS": slots, "COPIES": copies, "BINS": bins}
        for _ in range(rounds):
            tables = counts.zero_(), histogram.zero_()
            self._run_all(count_kernel, *tables, **sizes)
            added = histogram.sum(1)
            run(
                narrow_kernel,
                rows,
                self.plan,
                counts,
                added,
                self.launch.blocks(self.given.size) * self.launch.block,
                warps=8,
                BINS=bins,
                CHUNK=min(bins, 8192),
            )

    def _split(self) -> None:
        rows, blocks = len(self.plan), self.launch.blocks(self.given.size)
        tied = self.plan.new_zeros((rows, blocks), dtype=torch.int32)
        self._run_all(count_ties_kernel, tied, blocks=blocks)
        ends = tied.cumsum(1)
        found = torch.searchsorted(ends, self.plan[:, -1:].contiguous(), right=True)
        self._run(
            split_kernel,
            rows,
            ends,
            found,
            blocks=blocks,
            warps=self.launch.warps,
            BLOCK=self.launch.block,
        )

    def _run_all(self, kernel: Any, *tables: torch.Tensor, **more: int) -> None:
        """Launch programs that share all blocks."""
        self._run(
            kernel,
            self.launch.programs(self.given.base),
            *tables,
            **more,
            warps=self.launch.warps,
            KEEPS=self.given.constants["KEEPS"],
            BLOCK=self.launch.block,
        )

    def _run(
        self, kernel: Any, programs: int, *tables: torch.Tensor, **more: Any
    ) -> None:
        given = self.given
        fixed = {name: given.constants[name] for name in ("BASE", "TERMS")}
        inputs = given.base, given.experts, self.plan
        run(kernel, programs, *inputs, *tables, size=given.size, **fixed, **more)
