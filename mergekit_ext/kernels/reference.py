"""The ground truth: the same results, short and obvious, with a sort and a loop."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mergekit_ext.kernels.deltas import work_dtype


def task_vector(base: torch.Tensor, expert: torch.Tensor) -> torch.Tensor:
    """Return expert minus base in float32 (float64 if either is), before rounding."""
    dtype = work_dtype(base, expert)
    return expert.to(dtype) - base.to(dtype)


def breadcrumbs_mask(delta: torch.Tensor, density: float, gamma: float) -> torch.Tensor:
    """Return what Breadcrumbs keeps, by a stable ascending sort of the magnitudes."""
    if density >= 1:
        return torch.ones(delta.shape, dtype=torch.bool)
    size = delta.numel()
    kept, top = int(density * size), int(gamma * size)
    first = max(0, size - kept - top)
    order = torch.sort(delta.abs().float().reshape(-1), stable=True).indices
    mask = torch.zeros(size, dtype=torch.bool)
    mask[order[first : first + kept]] = True
    return mask.reshape(delta.shape)


def dare_mask(key: int, size: int, density: float) -> torch.Tensor:
    """Return what DARE keeps of ``size`` elements, one Philox word after the other."""
    words = [philox(key, index // 4)[index % 4] for index in range(size)]
    return torch.tensor([word < int(density * 2**32) for word in words]).bool()


def philox(key: int, counter: int) -> tuple[int, int, int, int]:
    """Return one block of Philox4x32-10 for a 128-bit counter and a 64-bit key."""
    low = 0xFFFFFFFF
    a, b, c, d = (counter >> shift & low for shift in (0, 32, 64, 96))
    keys = [key & low, key >> 32]
    for _ in range(10):
        left, right = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (
            right >> 32 ^ b ^ keys[0],
            right & low,
            left >> 32 ^ d ^ keys[1],
            left & low,
        )
        keys = [keys[0] + 0x9E3779B9 & low, keys[1] + 0xBB67AE85 & low]
    return a, b, c, d


def merge(
    base: torch.Tensor,
    experts: Sequence[torch.Tensor],
    coefficients: Sequence[float],
    masks: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Return base + Σ coefficient · masked task vector, rounded once at the end."""
    dtype = work_dtype(base, *experts)
    total = torch.zeros(base.shape, dtype=dtype)
    for expert, coefficient, mask in zip(experts, coefficients, masks, strict=True):
        delta = task_vector(base, expert).to(dtype)
        total += torch.where(mask, delta, 0.0) * coefficient
    return (base.to(dtype) + total).to(base.dtype)
