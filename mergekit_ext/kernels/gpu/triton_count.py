"""Counting what lies below, at and between the bounds of each cut.

Few elements lie between bounds that a sample gave, and what is frequent (a zero that
most of a tensor has) mostly is a bound. So registers count almost everything, and the
rest goes by atomics to a table in the L2 cache, of which there are ``COPIES`` against
queues at one address.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803, N806
from __future__ import annotations

import triton
import triton.language as tl

from mergekit_ext.kernels.gpu.triton_floats import read_magnitudes
from mergekit_ext.kernels.gpu.triton_plan import (
    BAND,
    CUT,
    HIGH,
    LOW,
    SHIFT,
    SOUGHT,
    STATE,
)


# what is counted of a cut besides the bins: what is below the lower bound, what is not
# above it, and what is above the upper one, with all that a last block lacks
COUNTS = tl.constexpr(4)


@triton.jit
def any_in_state(plan, state, TERMS: tl.constexpr):
    """Return whether a cut is in this state."""
    found = False
    for row in tl.static_range(2 * TERMS):
        found |= tl.load(plan + row * CUT + STATE) == state
    return found


@triton.jit
def negatives(numbers):
    """Return how many of the int32 numbers are negative."""
    signs = numbers.to(tl.uint32, bitcast=True) >> 31
    return tl.sum(signs.to(tl.int32), axis=0)


@triton.jit
def add_each(bins, place, GROUP: tl.constexpr):
    """Add 1 to the bin of every place that is not negative.

    A thread holds ``GROUP`` neighbours, as it read them. An addition of its own for
    each leaves them there; in one, they would be dealt out through shared memory.
    """
    if GROUP == 1:
        tl.atomic_add(bins + place, 1, mask=place >= 0, sem="relaxed")
    else:
        one, other = tl.split(tl.reshape(place, (place.shape[0] // 2, 2)))
        add_each(bins, one, GROUP // 2)
        add_each(bins, other, GROUP // 2)


@triton.jit
def count_cut(cut, bits, bins, totals, slots, slot, GROUP: tl.constexpr):
    """Count one block for one cut and return the new totals."""
    if tl.load(cut + STATE) == SOUGHT:
        low = tl.load(cut + LOW).to(tl.int32)
        high = tl.load(cut + HIGH).to(tl.int32)
        shift = tl.load(cut + SHIFT).to(tl.uint32)
        totals += tl.where(slots == slot, negatives(bits - low), 0)
        totals += tl.where(slots == slot + 1, negatives(bits - low - 1), 0)
        totals += tl.where(slots == slot + 2, negatives(high - bits), 0)
        # unsigned, what is not above the lower bound is large
        place = (bits - low - 1).to(tl.uint32, bitcast=True)
        width = tl.maximum(high - low - 1, 0).to(tl.uint32)
        place = tl.where(place < width, (place >> shift).to(tl.int32), -1)
        add_each(bins, place, GROUP)
    return totals


@triton.jit
def count_kernel(
    base,
    experts,
    plan,
    counts,
    histogram,
    size,
    BASE: tl.constexpr,
    TERMS: tl.constexpr,
    KEEPS: tl.constexpr,
    SLOTS: tl.constexpr,
    BINS: tl.constexpr,
    COPIES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Count for every cut that is sought; return at once if none is.

    Args:
        base: See ``merge_kernel``.
        experts: See ``merge_kernel``.
        plan: See ``triton_plan``.
        counts: ``SLOTS`` int64, zeros; ``COUNTS`` of them for each row of the plan.
        histogram: int32, zeros; rows of the plan times ``COPIES`` times ``BINS``.
        size: The number of elements.
        BASE: See ``merge_kernel``.
        TERMS: The number of experts.
        KEEPS: See ``merge_kernel``.
        SLOTS: A power of two, at least ``2 * TERMS * COUNTS``.
        BINS: Bins a copy.
        COPIES: Copies of each histogram.
        BLOCK: Elements at a time.
    """
    GROUP: tl.constexpr = 128 // experts[0].dtype.element_ty.primitive_bitwidth
    program = tl.program_id(0)
    copy = histogram + (program % COPIES) * BINS
    offsets = tl.arange(0, BLOCK)
    slots = tl.arange(0, SLOTS)
    totals = tl.zeros((SLOTS,), tl.int32)
    stop = tl.cast(size, tl.int64)
    stop = tl.where(any_in_state(plan, SOUGHT, TERMS), stop, 0)
    step = tl.num_programs(0).to(tl.int64) * BLOCK
    for start in range(program.to(tl.int64) * BLOCK, stop, step):
        inside = offsets < size - start
        for index in tl.static_range(TERMS):
            if (KEEPS >> 2 * index) & 3 == BAND:
                bits = read_magnitudes(
                    experts[index], base, start, offsets, inside, BASE
                )
                for end in tl.static_range(2):
                    row = 2 * index + end
                    cut, bins = plan + row * CUT, copy + row * COPIES * BINS
                    slot = row * COUNTS
                    totals = count_cut(cut, bits, bins, totals, slots, slot, GROUP)
    tl.atomic_add(counts + slots, totals.to(tl.int64), mask=totals > 0, sem="relaxed")
