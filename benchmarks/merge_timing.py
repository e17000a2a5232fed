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
from merge_cases import CASES, PLAIN, Case, forced, model_names
from mergekit.merge_methods import merge_tensors

from mergekit_ext.kernels.backends import Backend
from mergekit_ext.kernels.philox import keep_mask, mask_key, threshold, words
from mergekit_ext.register import register_all


_PACKAGES: Final = (
    "lm-eval-iberian", "mergekit", "torch", "numpy", "numba", "transformers",
)  # fmt: skip

register_all()


def stock(case: Case, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Merge as mergekit does; by its plain merge where it does not have the method."""
    return _merge(case, PLAIN if case.beside else case.name, tensors)


def ours(case: Case, tensors: Sequence[torch.Tensor], backend: Backend) -> torch.Tensor:
    """Merge as we do, by a backend."""
    with forced(backend):
        return _merge(case, case.ours, tensors)


def plain(
    case: Case, tensors: Sequence[torch.Tensor], backend: Backend
) -> torch.Tensor:
    """Merge what a method takes by our plain merge instead, by a backend."""
    with forced(backend):
        return _merge(case, CASES[PLAIN].ours, tensors)


def stock_with_our_masks(case: Case, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Merge as mergekit does, but for what is drawn: that is what we draw."""
    if not case.random:
        return stock(case, tensors)
    with _our_masks(case, model_names(len(tensors))[1:]):
        return stock(case, tensors)


def _merge(case: Case, method: str, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    taken = case.taken(tensors)
    values = case.values(len(taken))
    shared = {} if method in (PLAIN, CASES[PLAIN].ours) else case.shared
    merged: torch.Tensor = merge_tensors(
        taken,
        method,
        parameters={**shared, **values},
        ids=model_names(len(taken)),
        base_index=0 if case.base else None,
        name=case.tensor,
    )
    return merged.reshape(-1)


@contextmanager
def _our_masks(case: Case, experts: Sequence[str]) -> Iterator[None]:
    """Draw our masks for the experts in turn, and rescale by the probabilities.

    mergekit rescales by the ratio of two norms, which is that on average only. Ranks
    and probabilities of DELLA stay those that mergekit finds.
    """
    turns = iter(experts)
    magprune = mergekit.sparsify.della_magprune

    def bernoulli(
        tensor: torch.Tensor, density: float, rescale_norm: object = None
    ) -> torch.Tensor:
        key = mask_key(0, next(turns), case.tensor)
        mask = keep_mask(key, 0, tensor.numel(), threshold(density))
        kept = tensor * mask.reshape(tensor.shape)
        return kept if rescale_norm is None else kept / density

    def della_magprune(
        tensor: torch.Tensor,
        density: float,
        epsilon: float,
        rescale_norm: object = None,
    ) -> torch.Tensor:
        key = mask_key(0, next(turns), case.tensor)
        drawn = words(key, 0, tensor.numel(), tensor.device).view(tensor.shape)
        probabilities = []

        def draw(given: torch.Tensor) -> torch.Tensor:
            probabilities.append(given.double())
            return (drawn < given.double() * 2**32).to(given.dtype)

        with mock.patch.object(torch, "bernoulli", draw):
            kept = magprune(tensor, density, epsilon, None)
        if rescale_norm is None:
            return kept
        return (kept / probabilities[0]).to(tensor.dtype)

    with (
        mock.patch.object(mergekit.sparsify, "bernoulli", bernoulli),
        mock.patch.object(mergekit.sparsify, "della_magprune", della_magprune),
    ):
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
        stock: Of mergekit: of the method, or of its plain merge; else ``None``.
        moved: The bytes that have to be moved.
        elements: How many were merged.
        plain: Of our plain merge by each backend, where costs are said beside it.
    """

    ours: Mapping[str, Times]
    copy: Times
    stock: Times | None
    moved: int
    elements: int
    plain: Mapping[str, Times]

    def ratio(self, backend: str) -> float | None:
        """Return how many times as long mergekit takes, if it has the method."""
        if self.plain or self.stock is None:
            return None
        return self.stock.median / self.ours[backend].median

    def costs(self, backend: str) -> tuple[float, float] | None:
        """Return how many times as long as our plain merge ours takes, and mergekit's.

        ``None`` where that is not what it is held against.
        """
        if not self.plain or self.stock is None:
            return None
        ours = self.ours[backend].median
        return ours / self.plain[backend].median, ours / self.stock.median

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
    theirs = Times() if case.stock or case.beside else None
    moved = case.bytes_moved(tensors)
    timing = Timing(
        {name: Times() for name in backends},
        Times(),
        theirs,
        moved,
        case.taken(tensors)[0].numel(),
        {name: Times() for name in backends} if case.beside else {},
    )
    copy = _copy(moved)
    if case.beside:
        for backend in backends.values():  # what it compiles
            plain(case, tensors, backend)
    for _ in range(rounds):
        if theirs is not None:
            theirs.rounds.append(_seconds(lambda: stock(case, tensors)))
        for name, backend in backends.items():
            took = _seconds(lambda backend=backend: ours(case, tensors, backend))
            timing.ours[name].rounds.append(took)
            if case.beside:
                took = _seconds(lambda backend=backend: plain(case, tensors, backend))
                timing.plain[name].rounds.append(took)
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
