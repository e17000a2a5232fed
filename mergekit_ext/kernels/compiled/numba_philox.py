"""Philox4x32-10 as compiled loops; see ``philox`` for what it is."""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
from __future__ import annotations

from mergekit_ext.kernels.compiled.numba_floats import jit, u32, u64


@jit
def philox(key, first, state):
    """Write the blocks of Philox4x32-10 from ``first`` on, a column each."""
    low, high = u32(key), u32(u64(key) >> u64(32))
    a, b, c, d = state[0], state[1], state[2], state[3]
    for g in range(a.size):
        index = u64(first + u64(g))
        a[g], b[g], c[g], d[g] = u32(index), u32(index >> u64(32)), u32(0), u32(0)
    # a round for all of them at a time: loops over one row each become vectors
    for _ in range(10):
        for g in range(a.size):
            left, right = u64(a[g]) * u64(0xD2511F53), u64(c[g]) * u64(0xCD9E8D57)
            a[g] = u32(u32(right >> u64(32)) ^ b[g] ^ low)
            c[g] = u32(u32(left >> u64(32)) ^ d[g] ^ high)
            b[g], d[g] = u32(right), u32(left)
        low, high = u32(low + u32(0x9E3779B9)), u32(high + u32(0xBB67AE85))


@jit
def select(state, below, kept):
    """Write whether each word lies below, the four of a block as bytes of one."""
    last, some = u32(below - u64(1)), u32(0 if below == u64(0) else 0x01010101)
    a, b, c, d = state[0], state[1], state[2], state[3]
    for g in range(kept.size):
        low = u32(a[g] <= last) | u32(u32(b[g] <= last) << u32(8))
        high = u32(c[g] <= last) | u32(u32(d[g] <= last) << u32(8))
        kept[g] = u32(u32(low | u32(high << u32(16))) & some)
