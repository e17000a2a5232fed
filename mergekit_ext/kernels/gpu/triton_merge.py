"""One pass that masks, elects, accumulates and rounds, for all experts at once."""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from mergekit_ext.kernels.gpu.triton_floats import (
    magnitude_bits,
    read,
    read_delta,
    report_nan,
    write,
)
from mergekit_ext.kernels.gpu.triton_philox import dropout_mask
from mergekit_ext.kernels.gpu.triton_plan import (
    BAND,
    BELOW,
    CUT,
    EVERYTHING,
    INDEX,
    KEY,
    TERM,
    VALUE,
)


@triton.jit
def before_cut(cut, bits, start, offsets, BLOCK: tl.constexpr):
    """Return which elements lie before a cut in the order by (magnitude, index)."""
    value = tl.load(cut + VALUE).to(tl.int32)
    first = tl.load(cut + INDEX) - start
    first = tl.minimum(tl.maximum(first, 0), BLOCK).to(tl.int32)
    return (bits < value) | ((bits == value) & (offsets < first))


@triton.jit
def keep_mask(term, delta, start, offsets, KEEP: tl.constexpr, BLOCK: tl.constexpr):
    """Return what a term's ``Band`` or ``Dropout`` keeps of one block."""
    if KEEP == BAND:
        bits = magnitude_bits(delta)
        dropped = before_cut(term, bits, start, offsets, BLOCK)
        return before_cut(term + CUT, bits, start, offsets, BLOCK) & (dropped == 0)
    else:
        return dropout_mask(tl.load(term + KEY), tl.load(term + BELOW), start, BLOCK)


@triton.jit
def merge_kernel(
    out,
    base,
    experts,
    coefficients,
    weights,
    factor,
    plan,
    flag,
    size,
    BASE: tl.constexpr,
    TERMS: tl.constexpr,
    KEEPS: tl.constexpr,
    ELECT: tl.constexpr,
    NORMALIZE: tl.constexpr,
    FACTOR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write one block of the result; raise the flag at a NaN.

    Args:
        out: The result.
        base: The base; anything where ``BASE`` is false.
        experts: A tuple of pointers.
        coefficients: A tuple of floats, one for each expert.
        weights: As many; what is summed in the divisor of an election.
        factor: Multiplies an elected sum where ``FACTOR`` is set.
        plan: What is kept; see ``triton_plan``.
        flag: A boolean on the device.
        size: The number of elements.
        BASE: Whether there is a base.
        TERMS: The number of experts.
        KEEPS: Two bits an expert: what kind of mask it has.
        ELECT: Elect a sign.
        NORMALIZE: Divide by the weights that were elected.
        FACTOR: Whether there is a factor.
        BLOCK: Elements a program.
    """
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = tl.arange(0, BLOCK)
    inside = offsets < size - start
    total = tl.zeros((BLOCK,), tl.float32)
    above, below = total, total
    weight_above, weight_below = total, total
    bad = offsets < 0
    for index in tl.static_range(TERMS):
        delta = read_delta(experts[index], base, start, offsets, inside, BASE)
        row = delta * coefficients[index]
        if ((KEEPS >> 2 * index) & 3) != EVERYTHING:
            term = plan + index * TERM
            keep = keep_mask(
                term, delta, start, offsets, (KEEPS >> 2 * index) & 3, BLOCK
            )
            row = tl.where(keep, row, 0.0)
        # a NaN that is kept and added is found in the result
        if ELECT or KEEPS != 0:
            bad |= delta != delta
        total += row
        if ELECT:
            above += tl.where(row > 0, row, 0.0)
            below += tl.where(row < 0, row, 0.0)
            weight_above += tl.where(row > 0, weights[index], 0.0)
            weight_below += tl.where(row < 0, weights[index], 0.0)
    if ELECT:
        positive = total >= 0
        total = tl.where(positive, above, below)
        if NORMALIZE:
            divisor = tl.where(positive, weight_above, weight_below)
            total = tl.div_rn(total, tl.where(divisor == 0, 1.0, divisor))
        if FACTOR:
            total = total * factor
    if BASE:
        total = read(base + start, offsets, inside) + total
    report_nan(flag, (bad | (total != total)) & inside)
    write(out + start, offsets, total, inside)


@triton.jit
def nearswap_kernel(out, base, other, t, flag, size, BLOCK: tl.constexpr):
    """Write one block of ``reference.nearswap``; raise the flag at a NaN."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = tl.arange(0, BLOCK)
    inside = offsets < size - start
    one = read(base + start, offsets, inside)
    two = read(other + start, offsets, inside)
    distance = tl.abs(one - two)
    distance = tl.where(distance < 1e-6, 1e-6, distance)
    share = tl.div_rn(tl.zeros((BLOCK,), tl.float32) + t, distance)
    share = tl.where(share < 0, 0.0, tl.where(share > 1, 1.0, share))
    result = share * two + (1 - share) * one
    report_nan(flag, (result != result) & inside)
    write(out + start, offsets, result, inside)
