"""How Triton kernels read deltas and write results, exactly.

bfloat16 is passed as its bits, int16: widening is a shift, and rounding to nearest even
is integer arithmetic. Every device and Triton's interpreter (which truncates) agree.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# ruff: noqa: N803
from __future__ import annotations

import triton
import triton.language as tl


SIGN_LESS = tl.constexpr(0x7FFFFFFF)
INFINITY = tl.constexpr(0x7F800000)


@triton.jit
def read(pointer, offsets, inside):
    """Return elements as float32; 0 outside."""
    raw = tl.load(pointer + offsets, mask=inside, other=0)
    if pointer.dtype.element_ty == tl.int16:
        return (raw.to(tl.int32) << 16).to(tl.float32, bitcast=True)
    else:
        return raw.to(tl.float32)


@triton.jit
def read_delta(expert, base, start, offsets, inside, BASE: tl.constexpr):
    """Return expert minus base in float32, or the expert alone; 0 outside.

    ``start`` is int64, so that ``offsets`` inside a block may be int32.
    """
    delta = read(expert + start, offsets, inside)
    if BASE:
        delta = delta - read(base + start, offsets, inside)
    return delta


@triton.jit
def read_magnitudes(expert, base, start, offsets, inside, BASE: tl.constexpr):
    """Return the bits of the magnitudes of the deltas; those of a NaN outside."""
    delta = read_delta(expert, base, start, offsets, inside, BASE)
    return tl.where(inside, magnitude_bits(delta), SIGN_LESS)


@triton.jit
def magnitude_bits(delta):
    """Return the bits without the sign, as int32: they sort as magnitudes do."""
    return delta.to(tl.int32, bitcast=True) & SIGN_LESS


@triton.jit
def write(pointer, offsets, value, inside):
    """Store float32 values, rounded once to nearest even."""
    if pointer.dtype.element_ty == tl.int16:
        bits = value.to(tl.uint32, bitcast=True)
        rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        # the carry of a NaN would run into its sign
        rounded = tl.where(value == value, rounded, 0x7FC0)
        tl.store(pointer + offsets, rounded.to(tl.int16), mask=inside)
    else:
        narrow = value.to(pointer.dtype.element_ty)
        tl.store(pointer + offsets, narrow, mask=inside)


@triton.jit
def report_nan(flag, bad):
    """Set a flag if any of the booleans of this program is set."""
    if tl.max(bad.to(tl.int32), axis=0) > 0:
        tl.store(flag, 1)
