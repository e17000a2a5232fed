"""The CUDA kernels against plain PyTorch, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from gpu_merges import BF16, METHODS, SIZES, Method, Tensors, hard_cases, moved, tuned

from mergekit_ext.kernels import nearswap, reference
from mergekit_ext.kernels.backends import TORCH
from mergekit_ext.kernels.gpu import cuda
from mergekit_ext.kernels.terms import Merge


HUGE = (1 << 31) + 4096 + 16
# base, expert, two results, and room to make them
HUGE_BYTES = 12 * HUGE
_SMALL = 4097

Flagged = tuple[torch.Tensor, "torch.Tensor | bool"]


def same(found: Flagged, expected: Flagged) -> bool:
    """Return whether two results have the same bits, or both are flagged as NaN."""
    (one, nan), (other, bad) = found, expected
    if bool(nan) or bool(bad):
        return bool(nan) == bool(bad)
    integers = torch.int16 if one.element_size() == 2 else torch.int32
    other = other.to(one.device)
    return one.dtype == other.dtype and torch.equal(
        one.view(integers), other.view(integers)
    )


def without_waiting(run: Callable[[], Flagged]) -> Flagged:
    """Run twice, the second time with any wait for the device an error."""
    first = run()
    if not first[0].is_cuda:
        return first
    torch.cuda.set_sync_debug_mode("error")
    try:
        return run()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def merge_is_right(what: Merge, device: str) -> bool:
    """Return whether the device merges as the CPU does, and the reference if small."""
    there = moved(what, device)
    found = without_waiting(lambda: cuda.merge_terms(there))
    expected = TORCH.merge(what)
    if not same(found, expected):
        return False
    if bool(expected[1]) or what.like.numel() > _SMALL:
        return True
    return same(found, (reference.merge(what), False))


def ratios_are_right(what: Merge, device: str) -> bool:
    """Return whether the L1 ratios are the CPU's, exactly."""
    terms = tuple(replace(term, rescale=True) for term in what.terms)
    what = replace(what, terms=terms)
    return cuda.ratios(moved(what, device)) == TORCH.ratios(what)


def nearswap_is_right(tensors: Tensors, device: str) -> bool:
    """Return whether nearswap is the CPU's."""
    base, other = (tensor.to(device) for tensor in tensors[:2])
    found = without_waiting(lambda: cuda.nearswap(base, other, 1e-3))
    return same(found, nearswap.nearswap(tensors[0], tensors[1], 1e-3))


def check_cases(
    device: str = "cuda", sizes: Sequence[int] = SIZES
) -> tuple[int, list[str]]:
    """Compare every method on every hard case; return how many, and what differs."""
    count, wrong = 0, []
    for name, tensors in hard_cases(sizes):
        checks: dict[str, bool] = {"nearswap": nearswap_is_right(tensors, device)}
        for method in METHODS:
            what = method.merge(tensors)
            checks[method.name] = merge_is_right(what, device)
            nan = checks[method.name] and bool(TORCH.merge(what)[1])
            if what.base is not None and not nan:
                checks[f"ratios of {method.name}"] = ratios_are_right(what, device)
        count += len(checks)
        wrong += [f"{check}, {name}" for check, right in checks.items() if not right]
    return count, wrong


def check_huge(size: int = HUGE, device: str = "cuda") -> tuple[int, list[str]]:
    """Compare tensors of more than 2**31 elements with plain PyTorch on the GPU.

    A repeated tensor has ties everywhere; its end is marked, so that it is no other
    part of it.
    """
    part = tuned(min(size // 2, 1 << 20), (BF16, BF16), device)
    repeats = -(-size // len(part[0]))
    tensors = [tensor.repeat(repeats)[:size] for tensor in part]
    tensors[1][-16:] *= 1.5
    names = {"task_arithmetic", "breadcrumbs", "dare_ties"}
    chosen: list[Method] = [m for m in METHODS if m.name in names]
    wrong = []
    for method in chosen:
        what = method.merge(tensors)
        if not same(cuda.merge_terms(what), TORCH.merge(what)):
            wrong.append(f"{method.name}, {size} elements")
    return len(chosen), wrong
