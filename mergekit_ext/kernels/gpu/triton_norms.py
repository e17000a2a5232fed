"""Exact L1 norms before and after keeping, as integers: the same in any order.

A float32 magnitude is a whole number of 2**-150. Those of 16 neighbouring exponents
share a sum, each shifted by its place among them: below 2**39 an element.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from mergekit_ext.kernels.gpu.triton_floats import INFINITY, magnitude_bits, read_delta
from mergekit_ext.kernels.gpu.triton_merge import keep_mask
from mergekit_ext.kernels.gpu.triton_plan import EVERYTHING, TERM


GROUPS = tl.constexpr(16)
# of each group: the sum before and after keeping, each as lower 32 bits and the rest
SUMS = tl.constexpr(4)
# the last row of a term's table says how many elements are infinite or NaN
TABLE = tl.constexpr(17 * 4)


@triton.jit
def add_split(pointer, value):
    """Add an integer to two sums, so that neither runs over."""
    tl.atomic_add(pointer, value & 0xFFFFFFFF, sem="relaxed")
    tl.atomic_add(pointer + 1, value >> 32, sem="relaxed")


@triton.jit
def add_magnitudes(table, bits, keep):
    """Add a block of finite magnitudes to the table of a term."""
    exponent = tl.maximum(bits >> 23, 1)
    mantissa = (bits & 0x7FFFFF) | tl.where(bits >> 23 > 0, 1 << 23, 0)
    whole = mantissa.to(tl.int64) << (exponent & 15).to(tl.int64)
    group = exponent >> 4
    # zeros would stretch the loop down to the first group
    first = tl.min(tl.where(bits > 0, group, GROUPS), axis=0)
    last = tl.max(tl.where(bits > 0, group, 0), axis=0)
    for one in range(first, last + 1):
        part = tl.where(group == one, whole, 0)
        add_split(table + one * SUMS, tl.sum(part, axis=0))
        add_split(table + one * SUMS + 2, tl.sum(tl.where(keep, part, 0), axis=0))


@triton.jit
def norms_kernel(
    base,
    experts,
    plan,
    tables,
    size,
    BASE: tl.constexpr,
    TERMS: tl.constexpr,
    KEEPS: tl.constexpr,
    RESCALED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add one block to the sums of every term that is to be rescaled.

    Args:
        base: See ``merge_kernel``.
        experts: See ``merge_kernel``.
        plan: See ``triton_plan``.
        tables: int64, zeros; ``TABLE`` for each term.
        size: The number of elements.
        BASE: See ``merge_kernel``.
        TERMS: The number of experts.
        KEEPS: See ``merge_kernel``.
        RESCALED: One bit an expert: whether its norms are wanted.
        BLOCK: Elements a program, at most 2**24.
    """
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = tl.arange(0, BLOCK)
    inside = offsets < size - start
    for index in tl.static_range(TERMS):
        if (RESCALED >> index) & 1 and ((KEEPS >> 2 * index) & 3) != EVERYTHING:
            delta = read_delta(experts[index], base, start, offsets, inside, BASE)
            term, table = plan + index * TERM, tables + index * TABLE
            keep = keep_mask(
                term, delta, start, offsets, (KEEPS >> 2 * index) & 3, BLOCK
            )
            bits = magnitude_bits(delta)
            finite = bits < INFINITY
            add_magnitudes(table, tl.where(finite, bits, 0), keep)
            others = tl.sum((finite == 0).to(tl.int64), axis=0)
            if others > 0:
                tl.atomic_add(table + GROUPS * SUMS, others, sem="relaxed")
