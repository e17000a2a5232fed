"""Exact sums of float32 magnitudes: the same in any order, on any device.

A magnitude is a mantissa of 24 bits times a power of two. The mantissas of each of the
256 exponents are added up as integers, and the integers as one at the end.
"""

from __future__ import annotations

import math

import torch


EXPONENTS = 256
_IMPLICIT = 1 << 23


def add_mantissas(values: torch.Tensor, table: torch.Tensor) -> None:
    """Add the mantissas of float32 values to the table of their exponents.

    Args:
        values: One dimension, fewer than 2**29 elements.
        table: ``EXPONENTS`` integers, int64; changed in place.
    """
    bits = values.view(torch.int32) & 0x7FFFFFFF
    exponents = bits >> 23
    mantissas = (bits & (_IMPLICIT - 1)) + (exponents > 0).to(torch.int32) * _IMPLICIT
    table.index_add_(0, exponents.long(), mantissas.long())


def total(table: torch.Tensor) -> float:
    """Return the sum of the magnitudes that were added, rounded once to float64."""
    counts = table.tolist()
    if counts[EXPONENTS - 1]:
        return math.inf
    exact = sum(count << max(e, 1) - 1 for e, count in enumerate(counts))
    # the smallest float32 is 2**-149; halving the integer first keeps it a float
    shift = max(0, exact.bit_length() - 1000)
    return math.ldexp(exact / (1 << shift), shift - 149)


def ratio(before: torch.Tensor, after: torch.Tensor) -> float:
    """Return the ratio of what two tables hold; see ``ratio_of``."""
    return ratio_of(total(before), total(after))


def ratio_of(before: float, after: float) -> float:
    """Return the ratio of two sums; 1 where one is below 1e-7 or infinite."""
    return 1.0 if min(before, after) < 1e-7 or math.isinf(before) else before / after
