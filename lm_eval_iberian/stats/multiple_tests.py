"""Many tests at once: how large a p must count among the others that are shown."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_iberian.errors import DataError


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Return each p, adjusted by Holm (1979) for the family of them all.

    The smallest is multiplied by their number, the next by one less, and none is
    smaller than one before it, or larger than 1. Who takes those up to .05 for real is
    mistaken in any of them in one case of twenty at most, however they hang together.

    Args:
        ps: ``None`` where there is no p: it stays so, and does not count.

    Raises:
        DataError: One is no probability.
    """
    known = [(p, place) for place, p in enumerate(ps) if p is not None]
    wrong = [p for p, _ in known if not 0 <= p <= 1]
    if wrong:
        raise DataError(f"p is from 0 to 1, and one is {wrong[0]}")
    adjusted: list[float | None] = [None] * len(ps)
    least = 0.0
    for rank, (p, place) in enumerate(sorted(known)):
        least = max(least, min(1.0, p * (len(known) - rank)))
        adjusted[place] = least
    return adjusted
