"""Philox 4x32-10 in a kernel: the words of ``philox``, for one block of elements."""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl


MULTIPLIER_A = tl.constexpr(0xD2511F53)
MULTIPLIER_C = tl.constexpr(0xCD9E8D57)
WEYL_LOW = tl.constexpr(0x9E3779B9)
WEYL_HIGH = tl.constexpr(0xBB67AE85)


@triton.jit
def philox(a, b, c, d, low, high):
    """Return the four words of each counter.

    Args:
        a: The counter's four words, uint32 blocks of one shape; ``a`` is the lowest.
        b: See ``a``.
        c: See ``a``.
        d: See ``a``.
        low: The key's lower half, a uint32 scalar.
        high: Its upper half.
    """
    for _ in tl.static_range(10):
        left_high, left = tl.umulhi(a, MULTIPLIER_A), a * MULTIPLIER_A
        right_high, right = tl.umulhi(c, MULTIPLIER_C), c * MULTIPLIER_C
        a = right_high ^ b ^ low
        b = right
        c = left_high ^ d ^ high
        d = left
        low += WEYL_LOW
        high += WEYL_HIGH
    return a, b, c, d


@triton.jit
def dropout_mask(key, below, start, BLOCK: tl.constexpr):
    """Return which of the elements from ``start`` a dropout keeps.

    Args:
        key: 64 bits as an int64 scalar.
        below: 0 to 2**32, an int64 scalar; words below it are kept.
        start: A multiple of ``BLOCK``, int64.
        BLOCK: A power of two, at least 4.
    """
    first = start >> 2
    # first is a multiple of the number of blocks: no carry into the upper word
    a = first.to(tl.uint32) + tl.arange(0, BLOCK // 4).to(tl.uint32)
    zero = tl.zeros_like(a)
    b = zero + (first >> 32).to(tl.uint32)
    a, b, c, d = philox(a, b, zero, zero, key.to(tl.uint32), (key >> 32).to(tl.uint32))
    words = tl.reshape(tl.join(tl.join(a, c), tl.join(b, d)), (BLOCK,))
    # 2**32 does not fit 32 bits, one less does
    return (words <= (below - 1).to(tl.uint32)) & (below > 0)
