"""Whether floats are finite, told from their bits at the speed of memory.

A float is NaN or infinite where its exponent bits are all ones. As an integer it is
then at least that pattern, or with the sign at least that pattern of the unsigned
integers: two maxima tell, without a temporary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mergekit_ext.inputs.safetensors_header import ITEM


# exponent bits, from which on a value is not finite; F8_E4M3 has NaN alone
LIMITS = {
    "F8_E4M3": 0x7F, "F8_E5M2": 0x7C, "BF16": 0x7F80, "F16": 0x7C00,
    "F32": 0x7F80_0000, "F64": 0x7FF0_0000_0000_0000,
}  # fmt: skip


def first_not_finite(data: npt.NDArray[np.uint8], dtype: str) -> tuple[int, str] | None:
    """Return the place of the first value that is not finite and what it is.

    Args:
        data: Whole elements, as bytes.
        dtype: Of the elements, as a safetensors header has it.
    """
    size, limit = ITEM[dtype], LIMITS[dtype]
    signed: npt.NDArray[Any]
    signed, unsigned = data.view(f"<i{size}"), data.view(f"<u{size}")
    negative = limit | 1 << (8 * size - 1)
    if not data.size or (signed.max() < limit and unsigned.max() < negative):
        return None
    at = int(((unsigned & limit) == limit).argmax())
    bits = int(unsigned[at])
    infinite = dtype != "F8_E4M3" and bits in (limit, negative)
    word = "inf" if infinite else "nan"
    return at, f"-{word}" if infinite and bits == negative else word
