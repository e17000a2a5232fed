"""Merges on a CUDA device, in Triton, bit for bit as ``reference`` has them.

Bytes of device memory for each element, E experts and the base in bfloat16; other
dtypes in proportion. Small tables stay in the L2 cache.

=====================================  ==============================================
everything kept, or a dropout          2 (E + 1) read, 2 written: one pass
nearswap                               4 read, 2 written
a band, at each round of its search    2 (E + 1) read; one round for 65,536 distinct
                                       magnitudes near a cut, else a second
a band whose cut splits a tie          2 (E + 1) read
a band, at the end                     2 (E + 1) read, 2 written
ratios of L1 norms                     the search, and 2 (E + 1) read
=====================================  ==============================================

A round that finds nothing left to do reads a few numbers and returns. The host waits
for the device in ``ratios`` alone.
"""

from __future__ import annotations

import math

import torch

from mergekit_ext.kernels.gpu.cuda_launch import (
    LAUNCH,
    Launch,
    as_bits,
    on_device,
    operands,
    run,
)
from mergekit_ext.kernels.gpu.cuda_plan import plan_of
from mergekit_ext.kernels.gpu.triton_merge import merge_kernel, nearswap_kernel
from mergekit_ext.kernels.gpu.triton_norms import norms_kernel
from mergekit_ext.kernels.mantissas import ratio_of
from mergekit_ext.kernels.tensors import new_result
from mergekit_ext.kernels.terms import Merge, RankDropout


_DTYPES = (torch.float16, torch.bfloat16, torch.float32)
# beyond, a bin of a histogram could run over
_LARGEST = 1 << 34
_MOST_TERMS = 32

Flagged = tuple[torch.Tensor, torch.Tensor]


def supports(what: Merge) -> bool:
    """Return whether these kernels can do a merge.

    No float64, nothing strided, and no ranks within rows, which PyTorch's sort finds.
    """
    tensors = [one.tensor for one in what.inputs]
    return (
        0 < len(what.terms) <= _MOST_TERMS
        and what.like.numel() <= _LARGEST
        and not any(isinstance(term.keep, RankDropout) for term in what.terms)
        and all(t.dtype in _DTYPES and t.is_contiguous() for t in tensors)
    )


def merge_terms(what: Merge, launch: Launch = LAUNCH) -> Flagged:
    """Carry out a merge whose terms have no ``rescale`` left.

    Args:
        what: A merge that is supported.
        launch: Sizes of blocks; they change no bit.

    Returns:
        A new contiguous tensor, and a boolean on the device: whether a delta, kept or
        not, or an element of the result is NaN.
    """
    like = what.like
    result = new_result(what.name, what.inputs)
    flag = torch.zeros((), dtype=torch.bool, device=like.device)
    if not like.numel():
        return result, flag
    given, sizes = operands(what), launch.for_last_pass(what)
    with on_device(like):
        plan = plan_of(what, launch)
        run(
            merge_kernel,
            sizes.blocks(given.size),
            as_bits(result),
            given.base,
            given.experts,
            tuple(what.coefficients),
            tuple(term.weight for term in what.terms),
            what.factor,
            plan,
            flag,
            given.size,
            warps=sizes.warps,
            **given.constants,
            ELECT=what.elect,
            NORMALIZE=what.normalize,
            FACTOR=what.factor != 1,
            BLOCK=sizes.block,
        )
    return result, flag


def nearswap(
    base: torch.Tensor, other: torch.Tensor, t: float, launch: Launch = LAUNCH
) -> Flagged:
    """Return mergekit's nearswap, and whether an element of it is NaN.

    Args:
        base: What the other is held against; its dtype is the result's.
        other: A tensor of the same shape.
        t: How near they must be.
        launch: Sizes of blocks; they change no bit.
    """
    result, flag = _empty_like(base)
    if base.numel():
        with on_device(base):
            run(
                nearswap_kernel,
                launch.blocks(base.numel()),
                as_bits(result),
                as_bits(base),
                as_bits(other),
                float(t),
                flag,
                base.numel(),
                warps=launch.warps,
                BLOCK=launch.block,
            )
    return result, flag


def ratios(what: Merge, launch: Launch = LAUNCH) -> list[float]:
    """Return the ratio of the L1 norms before and after keeping of each term.

    Exactly rounded sums, 1 for terms that are not to be rescaled. It waits for the
    device, once.
    """
    wanted = [term.rescale and term.keep is not None for term in what.terms]
    if not any(wanted) or not what.like.numel():
        return [1.0] * len(wanted)
    given = operands(what)
    tables = torch.zeros(
        (len(wanted), 17, 4), dtype=torch.int64, device=what.like.device
    )
    with on_device(what.like):
        run(
            norms_kernel,
            launch.blocks(given.size),
            given.base,
            given.experts,
            plan_of(what, launch),
            tables,
            given.size,
            warps=launch.warps,
            **given.constants,
            RESCALED=sum(one << k for k, one in enumerate(wanted)),
            BLOCK=launch.block,
        )
    return [_ratio(table) for table in tables.tolist()]


def _ratio(table: list[list[int]]) -> float:
    """Return the ratio of two sums, as ``reference.ratio`` does."""
    *groups, (others, *_) = table
    sums = [
        math.ldexp(
            sum((g[k] + (g[k + 1] << 32)) << 16 * i for i, g in enumerate(groups)), -150
        )
        for k in (0, 2)
    ]
    before, after = sums
    return ratio_of(math.inf if others else before, after)


def _empty_like(like: torch.Tensor) -> Flagged:
    result = torch.empty(like.shape, dtype=like.dtype, device=like.device)
    return result, torch.zeros((), dtype=torch.bool, device=like.device)
