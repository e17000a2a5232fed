"""NearSwap of one tensor, block by block, in plain PyTorch."""

from __future__ import annotations

import torch

from mergekit_ext.kernels.inputs import chunks, flat_slice, work_dtype


_CPU_BLOCK, _ACCELERATOR_BLOCK = 1 << 18, 1 << 24
_FLOOR = 1e-6


def nearswap(
    base: torch.Tensor, other: torch.Tensor, t: float
) -> tuple[torch.Tensor, bool]:
    """Return ``s * other + (1 - s) * base`` and whether an element of it is NaN.

    ``s`` is ``t`` divided by the distance (at least 1e-6), from 0 to 1. In float32, or
    in float64 if an input is; each operation rounded, in mergekit's order.
    """
    dtype = work_dtype([base, other])
    merged = torch.empty(base.shape, dtype=base.dtype, device=base.device)
    flat, nan = merged.view(-1), False
    block = _CPU_BLOCK if base.device.type == "cpu" else _ACCELERATOR_BLOCK
    for start, stop in chunks(0, base.numel(), block):
        one, two = (flat_slice(x, start, stop).to(dtype) for x in (base, other))
        distance = (one - two).abs_().clamp_(min=_FLOOR)
        share = torch.full_like(distance, t).div_(distance).clamp_(0, 1)
        found = share * two + share.neg_().add_(1).mul_(one)
        nan |= bool(found.isnan().any())
        flat[start:stop] = found
    return merged, nan
