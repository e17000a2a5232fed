"""Narrowing the bounds of a cut down to one magnitude, from a sample and by counting.

The first bounds are order statistics of a random sample: one element of each of
``SAMPLE`` strata, drawn with Philox, so that no pattern in a tensor misleads it. A
wrong guess costs a pass and nothing else.

A round of counting leaves one bin between the bounds. The first has bins of any width;
the second, of what such a bin holds, has bins of one magnitude.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from mergekit_ext.kernels.gpu.triton_count import COUNTS
from mergekit_ext.kernels.gpu.triton_floats import INFINITY, magnitude_bits, read_delta
from mergekit_ext.kernels.gpu.triton_philox import philox
from mergekit_ext.kernels.gpu.triton_plan import (
    CUT,
    FOUND,
    HIGH,
    LOW,
    RANK,
    SHIFT,
    SOUGHT,
    SPLIT,
    STATE,
    TIES,
    VALUE,
)


@triton.jit
def find_bin(bins, rank, BINS: tl.constexpr, CHUNK: tl.constexpr):
    """Return the bin that holds a rank, the count before it, and the whole count."""
    places = tl.arange(0, CHUNK)
    whole = tl.full((), 0, tl.int64)
    before, chunk = whole, 0
    for first in range(0, BINS, CHUNK):
        here = tl.sum(tl.load(bins + first + places), axis=0)
        holds = (rank >= whole) & (rank < whole + here)
        chunk = tl.where(holds, first, chunk)
        before = tl.where(holds, whole, before)
        whole += here
    ends = before + tl.cumsum(tl.load(bins + chunk + places), axis=0)
    passed = ends <= rank
    place = chunk + tl.sum(passed.to(tl.int32), axis=0)
    return place, tl.max(tl.where(passed, ends, before), axis=0), whole


@triton.jit
def bin_width(low, high, BINS: tl.constexpr):
    """Return the least shift for which what lies between two bounds fits the bins."""
    shift = tl.full((), 0, tl.int64)
    for step in tl.static_range(31):
        shift += (((high - low - 2) >> step) >= BINS).to(tl.int64)
    return shift


@triton.jit
def seek(cut, low, high, BINS: tl.constexpr):
    """Let the next round look for a cut between these bounds."""
    tl.store(cut + LOW, low)
    tl.store(cut + HIGH, high)
    tl.store(cut + SHIFT, bin_width(low, high, BINS))


@triton.jit
def settle(cut, value, ties):
    """Note the magnitude at a cut, and how many of its elements lie before it."""
    tl.store(cut + VALUE, value)
    tl.store(cut + TIES, ties)
    tl.store(cut + STATE, tl.where(ties > 0, SPLIT, FOUND).to(tl.int64))


@triton.jit(do_not_specialize=["elements"])
def narrow_kernel(
    plan, counts, bins, elements, BINS: tl.constexpr, CHUNK: tl.constexpr
):
    """Settle a cut or narrow its bounds; where a sample misled, begin with all.

    Args:
        plan: See ``triton_plan``; one program for each row of it.
        counts: What ``count_kernel`` counted.
        bins: Its histograms, the copies added up; int64.
        elements: How many were counted, with those that a last block lacks.
        BINS: The bins of each.
        CHUNK: Bins at a time.
    """
    row = tl.program_id(0)
    cut = plan + row * CUT
    if tl.load(cut + STATE) == SOUGHT:
        rank, shift = tl.load(cut + RANK), tl.load(cut + SHIFT)
        low, high = tl.load(cut + LOW), tl.load(cut + HIGH)
        counted = counts + row * COUNTS
        below, above = tl.load(counted), tl.load(counted + 2)
        after = rank - tl.load(counted + 1)
        place, before, between = find_bin(bins + row * BINS, after, BINS, CHUNK)
        if (after < 0) & (rank >= below):
            settle(cut, low, rank - below)
        elif (after >= 0) & (after < between):
            if shift == 0:
                settle(cut, low + 1 + place, after - before)
            else:
                upper = tl.minimum(low + 1 + ((place + 1).to(tl.int64) << shift), high)
                seek(cut, low + (place.to(tl.int64) << shift), upper, BINS)
        elif (after >= 0) & (rank < elements - above):
            settle(cut, high, after - between)
        else:
            nothing = tl.full((), 0, tl.int64)
            seek(cut, nothing, nothing + INFINITY, BINS)


@triton.jit
def order_statistic(bits, rank):
    """Return the magnitude of a rank, bit by bit; 0 or infinity beyond the ends."""
    value = 0
    for step in range(31):
        candidate = value | (1 << (30 - step))
        before = tl.sum((bits < candidate).to(tl.int32), axis=0)
        value = tl.where(before <= rank, candidate, value)
    value = tl.where(rank < 0, 0, value)
    return tl.minimum(value, INFINITY).to(tl.int64)


@triton.jit
def sample_kernel(
    base,
    experts,
    plan,
    size,
    BASE: tl.constexpr,
    TERMS: tl.constexpr,
    SAMPLE: tl.constexpr,
    BINS: tl.constexpr,
):
    """Replace the ranks in the columns ``LOW`` and ``HIGH`` by magnitudes.

    Args:
        base: See ``merge_kernel``.
        experts: See ``merge_kernel``.
        plan: See ``triton_plan``; one program for each row of it.
        size: The number of elements, at least ``SAMPLE``.
        BASE: See ``merge_kernel``.
        TERMS: The number of experts.
        SAMPLE: How many elements are looked at.
        BINS: See ``count_kernel``.
    """
    row = tl.program_id(0)
    cut = plan + row * CUT
    if tl.load(cut + STATE) == SOUGHT:
        strata = tl.arange(0, SAMPLE)
        zero = tl.zeros((SAMPLE,), tl.uint32)
        key = tl.full((), 0, tl.uint32)
        word, _, _, _ = philox(strata.to(tl.uint32), zero, zero, zero, key, key)
        stratum = size // SAMPLE
        # a random share of a stratum, which is shorter than 2**32
        offset = (word.to(tl.int64) * stratum) >> 32
        index = strata.to(tl.int64) * stratum + offset
        for term in tl.static_range(TERMS):
            if row // 2 == term:
                delta = read_delta(experts[term], base, 0, index, strata >= 0, BASE)
                bits = magnitude_bits(delta)
                low = order_statistic(bits, tl.load(cut + LOW).to(tl.int32))
                high = order_statistic(bits, tl.load(cut + HIGH).to(tl.int32))
                seek(cut, low, high, BINS)
