"""Splitting the elements of one magnitude at a cut: by their index, exactly.

Blocks count their ties; the host adds these counts up without seeing them, and one
block is searched for the element that is the first after the cut.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from mergekit_ext.kernels.gpu.triton_count import any_in_state
from mergekit_ext.kernels.gpu.triton_floats import magnitude_bits, read_delta
from mergekit_ext.kernels.gpu.triton_plan import (
    BAND,
    CUT,
    INDEX,
    SPLIT,
    STATE,
    TIES,
    VALUE,
)


@triton.jit(do_not_specialize=["blocks"])
def count_ties_kernel(
    base,
    experts,
    plan,
    tied,
    size,
    blocks,
    BASE: tl.constexpr,
    TERMS: tl.constexpr,
    KEEPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Count each block's ties with every cut to be split; return at once if none is.

    Args:
        base: See ``merge_kernel``.
        experts: See ``merge_kernel``.
        plan: See ``triton_plan``.
        tied: int32, zeros; rows of the plan times ``blocks``.
        size: The number of elements.
        blocks: How many blocks these are.
        BASE: See ``merge_kernel``.
        TERMS: The number of experts.
        KEEPS: See ``merge_kernel``.
        BLOCK: Elements at a time.
    """
    offsets = tl.arange(0, BLOCK)
    stop = tl.cast(size, tl.int64)
    stop = tl.where(any_in_state(plan, SPLIT, TERMS), stop, 0)
    step = tl.num_programs(0).to(tl.int64) * BLOCK
    for start in range(tl.program_id(0).to(tl.int64) * BLOCK, stop, step):
        inside = offsets < size - start
        for index in tl.static_range(TERMS):
            if (KEEPS >> 2 * index) & 3 == BAND:
                delta = read_delta(experts[index], base, start, offsets, inside, BASE)
                bits = magnitude_bits(delta)
                for end in tl.static_range(2):
                    row = 2 * index + end
                    cut = plan + row * CUT
                    if tl.load(cut + STATE) == SPLIT:
                        equal = inside & (bits == tl.load(cut + VALUE).to(tl.int32))
                        count = tl.sum(equal.to(tl.int32), axis=0)
                        tl.store(tied + row * blocks + start // BLOCK, count)


@triton.jit(do_not_specialize=["blocks"])
def split_kernel(
    base,
    experts,
    plan,
    ends,
    found,
    size,
    blocks,
    BASE: tl.constexpr,
    TERMS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Note the index of the first element after a cut.

    Args:
        base: See ``merge_kernel``.
        experts: See ``merge_kernel``.
        plan: See ``triton_plan``; one program for each row of it.
        ends: int64; the running sums of ``tied``.
        found: int64; for each row the block that holds the element.
        size: The number of elements.
        blocks: How many blocks there are.
        BASE: See ``merge_kernel``.
        TERMS: The number of experts.
        BLOCK: Elements of a block.
    """
    row = tl.program_id(0)
    cut = plan + row * CUT
    block = tl.load(found + row)
    # a NaN among the elements may have spoilt the ranks
    if (tl.load(cut + STATE) == SPLIT) & (block < blocks):
        offsets = tl.arange(0, BLOCK)
        start = block * BLOCK
        inside = offsets < size - start
        end = ends + row.to(tl.int64) * blocks + block
        before = tl.load(end - 1, mask=block > 0, other=0)
        value = tl.load(cut + VALUE).to(tl.int32)
        for term in tl.static_range(TERMS):
            if row // 2 == term:
                delta = read_delta(experts[term], base, start, offsets, inside, BASE)
                equal = inside & (magnitude_bits(delta) == value)
                met = before + tl.cumsum(equal.to(tl.int32), axis=0)
                passed = met <= tl.load(cut + TIES)
                tl.store(cut + INDEX, start + tl.sum(passed.to(tl.int32), axis=0))
