"""Tells a table of sums from a loop whose numbers change."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final


NUMBER: Final = re.compile(r"\d+(?:[.,:/]\d+)*")


def is_sums(text: str, slots: int, times: float) -> bool:
    """Tell whether the numbers of repeated blocks are sums, products, conversions.

    Args:
        text: The text that ends in the blocks.
        slots: How many numbers a block has.
        times: How often it stands there.
    """
    if not 2 <= slots <= 12:
        return False
    numbers = [_value(match[0]) for match in NUMBER.finditer(text)]
    # where a block begins is not known: try every shift
    for shift in range(slots):
        end = len(numbers) - shift
        rows = [numbers[i - slots : i] for i in range(end, slots - 1, -slots)][:8]
        if len(rows) < 3:
            continue
        moving = [column for column in zip(*rows, strict=True) if len(set(column)) > 1]
        if sum(len(set(column)) > 2 and not _is_counter(column) for column in moving):
            # what is no counter is content, unless it goes on and on
            return times < 12 or sum(map(_is_sum, rows)) >= 0.8 * len(rows)
        if len(moving) > 1 and (
            sum(map(_is_sum, rows)) >= 0.8 * len(rows)
            or _is_conversion([list(row) for row in zip(*moving, strict=True)])
        ):
            return True
    return False


def _is_counter(column: tuple[float, ...]) -> bool:
    """Tell whether numbers go up or down by the same step."""
    return len({round(one - other, 6) for one, other in pairwise(column)}) == 1


def _is_conversion(rows: list[list[float]]) -> bool:
    """Tell whether the second of two numbers is made of the first: doubles, squares."""
    if any(len(row) != 2 or 0 in row for row in rows):
        return False
    if all(second == first**2 or first == second**2 for first, second in rows):
        return True
    ratios = [second / first for first, second in rows]
    alike = max(ratios) - min(ratios) < 0.05 * max(ratios)
    return alike and not 0.8 < ratios[0] < 1.25 and len({row[0] for row in rows}) > 2


def _value(number: str) -> float:
    try:
        return float(number.replace(",", "."))
    except ValueError:
        return float("nan")


def _is_sum(row: list[float]) -> bool:
    """Tell whether a number of a row is made of two others."""
    for i, first in enumerate(row):
        for second in row[i + 1 :]:
            made = {first * second, first + second, abs(first - second)}
            rest = [n for j, n in enumerate(row) if j != i and n is not second]
            if made & set(rest):
                return True
    return False
