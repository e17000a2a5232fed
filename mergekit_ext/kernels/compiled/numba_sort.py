"""Sorting the magnitudes of a row, as compiled loops: stable, and in the cache.

A pair has the bits of a magnitude in its upper half and its index in the lower one, so
that pairs are all different and sorted as a stable sort would have them. The bits of
floats are spread as their logarithms are: a few thousand buckets of equal width hold a
few elements each, and what is left is put right by insertion. Where there are numbers
for which that takes long, a radix sort does it.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
from __future__ import annotations

import numpy as np

from mergekit_ext.kernels.compiled.numba_floats import i64, jit, u32, u64


LOWER = u64(0xFFFFFFFF)
_HALF = u64(32)
# steps of an insertion for each element, beyond which the buckets were no good
_STEPS = 8
_DIGIT = 11


@jit
def new_counts(length):
    """Return room for counts of a row of that many elements."""
    size = 1 << _DIGIT
    while 2 * size < length and size < 1 << 14:
        size *= 2
    return np.empty(size, u32)


@jit
def sorted_pairs(bits, pairs, counts):
    """Return the pairs of a row in ascending order.

    Args:
        bits: Magnitudes, uint32.
        pairs: Two rows of as many uint64; overwritten.
        counts: What ``new_counts`` returned; overwritten.
    """
    if by_buckets(bits, pairs[0], counts):
        return pairs[0]
    return by_digits(bits, pairs, counts)


@jit
def by_buckets(bits, pairs, counts):
    """Write the pairs in order; return whether it was done in time."""
    below, high = u32(LOWER), u32(0)
    for i in range(bits.size):
        # zeros, of which there may be many, have a bucket of their own
        below = min(below, u32(bits[i] - u32(1)))
        high = max(high, bits[i])
    low, shift = u32(below + u32(1)), u32(0)
    while high and u32(u32(high - low) >> shift) >= u32(counts.size - 1):
        shift += u32(1)
    counts[:] = 0
    for i in range(bits.size):
        counts[bucket(bits[i], low, shift)] += u32(1)
    start = u32(0)
    for one in range(counts.size):
        size = counts[one]
        counts[one] = start
        start += size
    for i in range(bits.size):
        one = bucket(bits[i], low, shift)
        pairs[u64(counts[one])] = u64(u64(bits[i]) << _HALF) | u64(i)
        counts[one] += u32(1)
    steps = i64(0)
    for i in range(1, bits.size):
        pair, j = pairs[i], i
        while j > 0 and pairs[u64(j - 1)] > pair:
            pairs[u64(j)] = pairs[u64(j - 1)]
            j -= 1
        pairs[u64(j)] = pair
        steps += i - j
        if steps > _STEPS * bits.size:
            return False
    return True


@jit
def bucket(bits, low, shift):
    """Return the bucket of a magnitude."""
    return u64(0) if bits == u32(0) else u64(u32(bits - low) >> shift) + u64(1)


@jit
def by_digits(bits, pairs, counts):
    """Return the row of ``pairs`` that holds them in order, whatever the numbers."""
    for i in range(bits.size):
        pairs[0, i] = u64(u64(bits[i]) << _HALF) | u64(i)
    counts, at, mask = counts[: 1 << _DIGIT], 0, u64((1 << _DIGIT) - 1)
    for low in range(32, 63, _DIGIT):
        shift = u64(low)
        one, other = pairs[at], pairs[1 - at]
        counts[:] = 0
        for i in range(bits.size):
            counts[u64(u64(one[i] >> shift) & mask)] += u32(1)
        start = u32(0)
        for one_digit in range(counts.size):
            size = counts[one_digit]
            counts[one_digit] = start
            start += size
        for i in range(bits.size):
            digit = u64(u64(one[i] >> shift) & mask)
            other[u64(counts[digit])] = one[i]
            counts[digit] += u32(1)
        at = 1 - at
    return pairs[at]
