"""How compiled loops read and write bf16, fp16 and float32: as bits, exactly.

NumPy has no bf16 and compiled code no fp16, so both come as unsigned integers.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch


# no fast-math: nothing is fused or reordered; no lock: threads run at the same time
jit = numba.njit(nogil=True, error_model="numpy")

f32, i32, i64 = np.float32, np.int32, np.int64
u16, u32, u64 = np.uint16, np.uint32, np.uint64
INFINITY = u32(0x7F800000)
_MAGNITUDE = u32(0x7FFFFFFF)


@jit
def as_float(bits):
    """Return the float32 of some bits."""
    return u32(bits).view(f32)


@jit
def as_bits(value):
    """Return the bits of a float32."""
    return f32(value).view(u32)


@jit
def magnitude(value):
    """Return the bits without the sign: they sort as magnitudes do."""
    return u32(as_bits(value) & _MAGNITUDE)


@jit
def read_bfloat16(bits):
    """Return the float32 of a bf16."""
    return as_float(u32(bits) << u32(16))


@jit
def write_bfloat16(value):
    """Return the nearest bf16, ties to even; there is no NaN to lose."""
    bits = as_bits(value)
    up = u32(0x7FFF) + (u32(bits >> u32(16)) & u32(1))
    return u16(u32(bits + up) >> u32(16))


@jit
def read_float16(bits):
    """Return the float32 of an fp16, NaN and infinities too."""
    size = u32(u32(bits) & u32(0x7FFF))
    # subnormals come out right too: the product is exact
    value = as_float(u32(size << u32(13))) * f32(2.0**112)
    if size >= u32(0x7C00):
        value = as_float(u32(u32(size << u32(13)) | INFINITY))
    return as_float(u32(as_bits(value) | u32(u32(bits & u32(0x8000)) << u32(16))))


@jit
def write_float16(value):
    """Return the nearest fp16, ties to even, subnormals and overflow too."""
    bits = as_bits(value)
    size = u32(bits & _MAGNITUDE)
    up = u32(0xFFF) + (u32(size >> u32(13)) & u32(1))
    found = u32(u32(size + up) >> u32(13)) - u32(112 << 10)
    if size >= u32(0x477FF000):  # 65520 and above
        found = u32(0x7C00)
    if size < u32(0x38800000):  # below 2**-14: 0.5 has the unit of a subnormal
        found = as_bits(as_float(size) + f32(0.5)) - u32(0x3F000000)
    return u16(found | u32(u32(bits >> u32(16)) & u32(0x8000)))


@jit
def same(value):
    """Return a float32 as it is."""
    return value


CODECS: dict[torch.dtype, tuple[Any, Any]] = {
    torch.bfloat16: (read_bfloat16, write_bfloat16),
    torch.float16: (read_float16, write_float16),
    torch.float32: (same, same),
}
