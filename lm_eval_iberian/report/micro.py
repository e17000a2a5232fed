"""The micro average: parts weigh as many as they have items."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_iberian.report.result import Measure


def micro(parts: Sequence[tuple[Measure, int]]) -> Measure:
    """Return the mean over the items of all parts, with its standard error.

    Args:
        parts: For each part its mean and its number of items.

    Raises:
        ValueError: There is no part, or one has no items.
    """
    if not parts or any(n < 1 for _, n in parts):
        raise ValueError("a micro average needs parts with at least one item each")
    total = sum(n for _, n in parts)
    value = math.fsum(n * measure.value for measure, n in parts) / total
    errors = [measure.stderr for measure, _ in parts]
    if any(error is None for error in errors):
        return Measure(value)
    squares = (
        (n * error) ** 2
        for error, (_, n) in zip(errors, parts, strict=True)
        if error is not None
    )
    return Measure(value, math.sqrt(math.fsum(squares)) / total)
