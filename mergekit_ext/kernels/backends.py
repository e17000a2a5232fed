"""The one way into the kernels, and who computes a merge.

Compiled code does on a CPU, Triton on CUDA, plain PyTorch wherever they cannot; all
give the same bits. The compiled ones need ``numba`` and ``triton``, which are optional
and imported when there is something for them to do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec

import torch

from mergekit_ext.errors import InputError
from mergekit_ext.kernels import torch_passes
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.kept_cuts import kept
from mergekit_ext.kernels.passes import Passes
from mergekit_ext.kernels.tensors import Input, not_a_number
from mergekit_ext.kernels.terms import Merge, Term


# below this many elements a merge takes less than loading a compiler
WORTH_COMPILING = 1 << 20

Flag = bool | torch.Tensor


@dataclass(frozen=True)
class Backend:
    """A way to compute.

    Args:
        name: For reports: ``torch``, ``numba`` or ``triton``.
        merge: Merges; returns the result and whether a delta or an element is NaN.
        ratios: Returns the L1 ratio of each term that is to be rescaled, else 1.
        nearswap: Takes base, other and t; returns the same pair as ``merge``.
    """

    name: str
    merge: Callable[[Merge], tuple[torch.Tensor, Flag]]
    ratios: Callable[[Merge], list[float]]
    nearswap: Callable[
        [torch.Tensor, torch.Tensor, float], tuple[torch.Tensor, Flag]
    ] = torch_passes.nearswap


def blockwise(
    name: str, passes: Callable[..., Passes], threads: int | None = None
) -> Backend:
    """Return the backend that works in blocks by these passes.

    Args:
        name: Its name.
        passes: Makes the passes of a merge.
        threads: How many; by default PyTorch's number. It changes no bit.
    """

    def merge(what: Merge) -> tuple[torch.Tensor, bool]:
        return Blockwise(what, passes, _threads(what, threads)).merge()

    def ratios(what: Merge) -> list[float]:
        work = Blockwise(what, passes, _threads(what, threads))
        return [
            work.ratio(k) if term.rescale else 1.0 for k, term in enumerate(what.terms)
        ]

    return Backend(name, merge, ratios)


# one thread of ours: PyTorch has its own
TORCH = blockwise("torch", torch_passes.TorchPasses, threads=1)


def pick(what: Merge) -> Backend:
    """Return the fastest backend that can do a merge here."""
    device = what.like.device.type
    if device == "cpu" and what.like.numel() >= WORTH_COMPILING:
        return _compiled(what) or TORCH
    if device == "cuda":
        return _for_cuda(what) or TORCH
    return TORCH


def numba_backend(threads: int | None = None) -> Backend:
    """Return the compiled backend for CPUs.

    Raises:
        ImportError: Where numba is not installed.
    """
    from mergekit_ext.kernels.compiled import numba_passes

    def swap(
        base: torch.Tensor, other: torch.Tensor, t: float
    ) -> tuple[torch.Tensor, bool]:
        count = threads or torch.get_num_threads()
        return numba_passes.nearswap(base, other, t, count)

    return replace(blockwise("numba", numba_passes.NumbaPasses, threads), nearswap=swap)


@torch.no_grad()
def merge_terms(what: Merge, backend: Backend | None = None) -> torch.Tensor:
    """Merge one tensor, as ``terms`` says; no gradient is recorded.

    Args:
        what: The merge.
        backend: Who computes; by default the fastest that can. It changes no bit.

    Returns:
        A new contiguous tensor of the shape, dtype and device of ``what.like``.

    Raises:
        InputError: If an input holds NaN, or infinities meet so that the result would.
    """
    backend = backend or pick(what)
    if any(term.rescale for term in what.terms):
        asked = "ratios", tuple((term.keep, term.rescale) for term in what.terms)
        terms = list(range(len(what.terms)))
        what = what.with_scales(kept(what, terms, asked, partial(backend.ratios, what)))
    merged, bad = backend.merge(what)
    if bool(bad):
        raise InputError(not_a_number(what.name, what.inputs))
    return merged


@torch.no_grad()
def nearswap(
    name: str, base: Input, other: Input, t: float, backend: Backend | None = None
) -> torch.Tensor:
    """Move ``base`` towards ``other`` where they are near; see the method of that name.

    Returns:
        A new contiguous tensor of the shape, dtype and device of ``base``.

    Raises:
        InputError: If the two do not fit each other, or one holds NaN.
    """
    what = Merge(name, base, (Term(other, 1.0),))
    merged, bad = (backend or pick(what)).nearswap(base.tensor, other.tensor, t)
    if bool(bad):
        raise InputError(not_a_number(name, [base, other]))
    return merged


@cache
def _installed(package: str) -> bool:
    return find_spec(package) is not None


def _compiled(what: Merge) -> Backend | None:
    if not _installed("numba"):
        return None
    from mergekit_ext.kernels.compiled.numba_passes import supports

    return numba_backend() if supports(what) else None


def _for_cuda(what: Merge) -> Backend | None:
    if not _installed("triton"):
        return None
    from mergekit_ext.kernels.gpu import cuda

    if not cuda.supports(what):
        return None
    return Backend("triton", cuda.merge_terms, cuda.ratios, cuda.nearswap)


def _threads(what: Merge, threads: int | None) -> int:
    if what.like.device.type != "cpu":
        return 1
    return threads or torch.get_num_threads()
