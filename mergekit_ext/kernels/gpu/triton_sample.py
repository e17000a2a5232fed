"""Where a cut probably lies: between two order statistics of a random sample.

One element of each of ``SAMPLE`` strata, drawn with Philox, so that no pattern in a
tensor misleads it. A wrong guess costs a pass and nothing else.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl

from mergekit_ext.kernels.gpu.triton_floats import INFINITY, magnitude_bits, read_delta
from mergekit_ext.kernels.gpu.triton_narrow import seek
from mergekit_ext.kernels.gpu.triton_philox import philox
from mergekit_ext.kernels.gpu.triton_plan import CUT, HIGH, LOW, SOUGHT, STATE


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
