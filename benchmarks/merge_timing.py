"""How long merges take: the ways take turns, and the median round counts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from merge_calls import ours, stock
from merge_cases import Case

from mergekit_ext.kernels.backends import Backend


@dataclass
class Times:
    """The rounds of one way to compute, in seconds."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


@dataclass(frozen=True)
class Timing:
    """The times of one method.

    Args:
        ours: Of each backend.
        copy: Of a copy that moves as many bytes.
        stock: Of mergekit, where it has the method.
        moved: The bytes that have to be moved.
    """

    ours: Mapping[str, Times]
    copy: Times
    stock: Times | None
    moved: int

    def ratio(self, backend: str) -> float | None:
        """Return how many times as long mergekit takes."""
        if self.stock is None:
            return None
        return self.stock.median / self.ours[backend].median

    def share_of_copy(self, backend: str) -> float:
        """Return the bytes per second that have to be moved, as a share of a copy's."""
        return self.copy.median / self.ours[backend].median


def measure(
    case: Case,
    backends: Mapping[str, Backend],
    tensors: Sequence[torch.Tensor],
    rounds: int,
    done: Callable[[], object],
) -> Timing:
    """Time the ways to compute a method in turns, on the same tensors.

    Args:
        case: The method.
        backends: Ours; what they compile has been compiled.
        tensors: The base and its experts.
        rounds: How often each way computes.
        done: Called after every round.
    """
    theirs = Times() if case.stock else None
    moved = case.bytes_moved(tensors)
    timing = Timing({name: Times() for name in backends}, Times(), theirs, moved)
    copy = _copy(moved)
    for _ in range(rounds):
        if theirs is not None:
            theirs.rounds.append(_seconds(lambda: stock(case, tensors)))
        for name, backend in backends.items():
            took = _seconds(lambda backend=backend: ours(case, tensors, backend))
            timing.ours[name].rounds.append(took)
        timing.copy.rounds.append(_seconds(copy))
        done()
    return timing


def _copy(moved: int) -> Callable[[], object]:
    """Return a copy that reads and writes ``moved`` bytes in all, of touched memory."""
    source = torch.ones(moved // 2, dtype=torch.uint8)
    target = torch.zeros_like(source)
    return lambda: target.copy_(source)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    del result  # to give memory back is nobody's work
    return seconds
