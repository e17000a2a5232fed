"""How long merges take through mergekit's own entry, by its methods and by ours.

The ways take turns on the same tensors, and the median round counts. ``machine`` says
what all that was measured on.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final
from unittest import mock

import mergekit.sparsify
import torch
from merge_cases import TENSOR, Case, forced, model_names
from mergekit.merge_methods import merge_tensors

from mergekit_ext.kernels.backends import Backend
from mergekit_ext.kernels.philox import keep_mask, mask_key, threshold
from mergekit_ext.register import register_all


_PACKAGES: Final = (
    "lm-eval-iberian", "mergekit", "torch", "numpy", "numba", "transformers",
)  # fmt: skip

register_all()


def stock(case: Case, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Merge as mergekit does."""
    return _merge(case, case.name, tensors)


def ours(case: Case, tensors: Sequence[torch.Tensor], backend: Backend) -> torch.Tensor:
    """Merge as we do, by a backend."""
    with forced(backend):
        return _merge(case, case.ours, tensors)


def stock_with_our_masks(case: Case, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Merge as mergekit does, but for what is drawn: that is what we draw."""
    if not case.random:
        return stock(case, tensors)
    with _our_masks(model_names(len(tensors))[1:]):
        return stock(case, tensors)


def _merge(case: Case, method: str, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    taken = case.taken(tensors)
    return merge_tensors(
        taken,
        method,
        parameters={**case.shared, **case.values(len(taken))},
        ids=model_names(len(taken)),
        base_index=0 if case.base else None,
        name=TENSOR,
    )


@contextmanager
def _our_masks(experts: Sequence[str]) -> Iterator[None]:
    """Draw our masks for the experts in turn, and rescale by the density.

    mergekit rescales by the ratio of two norms, which is that on average only.
    """
    turns = iter(experts)

    def bernoulli(
        tensor: torch.Tensor, density: float, rescale_norm: object = None
    ) -> torch.Tensor:
        key = mask_key(0, next(turns), TENSOR)
        mask = keep_mask(key, 0, tensor.numel(), threshold(density))
        kept = tensor * mask.reshape(tensor.shape)
        return kept if rescale_norm is None else kept / density

    with mock.patch.object(mergekit.sparsify, "bernoulli", bernoulli):
        yield


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


def machine() -> dict[str, Any]:
    """Return processor, cores, load, memory and versions."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "load_average": round(os.getloadavg()[0], 2),
        "memory_gb": round(_memory() / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        found = re.search(r"^model name\s*: (.+)$", facts.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
