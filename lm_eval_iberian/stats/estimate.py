"""A value with its uncertainty, and a difference of two with all that is said of it."""

from __future__ import annotations

from dataclasses import dataclass


LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True)
class Estimate:
    """A value and its interval, in the metric's own unit (per cent or points).

    Args:
        value: The value.
        low: Where the interval begins, ``None`` where there is none.
        high: Where it ends.
        stderr: The standard error, ``None`` where it cannot be told.
        n: How many items it is of, ``None`` where that is not known.
        clusters: How many clusters they are in.
        runs: How many runs it is the mean of.
        method: ``t``, ``bootstrap``, ``exact``: of how many clusters there may be that
            are not like these, which are all alike; or ``stored``: of a standard error
            that was stored, without a look at the items.
        why: Why there is no interval, where there is none, and why it is ``exact``.
    """

    value: float
    low: float | None = None
    high: float | None = None
    stderr: float | None = None
    n: int | None = None
    clusters: int | None = None
    runs: int = 1
    method: str = ""
    why: str = ""


@dataclass(frozen=True)
class Difference:
    """How much more the second of two has than the first.

    Args:
        a_value: The value of the first, the baseline.
        b_value: That of the second.
        difference: ``b_value - a_value``.
        low: Where its interval begins, ``None`` where there is none.
        high: Where it ends.
        stderr: Its standard error.
        p: How often so large a difference would be seen if there were none, two-sided.
        paired: Whether both were measured on the same items, item by item.
        n: How many items, of those that both have; ``None`` where that is not known.
        clusters: How many clusters they are in.
        gained: How many items the first has wrong and the second right; ``None`` where
            an item is not right or wrong.
        lost: How many the first has right and the second wrong.
        gained_by_chance: Of ``gained``, how many guessing would explain; ``None`` where
            the number of choices is not known.
        lost_by_chance: Of ``lost``.
        correlation: Of the two's cluster means, ``None`` where it cannot be told. Each
            cluster counts by its size: it is what pairing takes off the variance.
        detectable: The smallest difference that this comparison finds in four cases of
            five, with the correlation that was measured.
        method: ``t``, ``bootstrap``, ``exact`` or ``stored``, as of an
            :class:`Estimate`.
        why: Why there is no interval or p, where there is none, and why it is
            ``exact``.
    """

    a_value: float
    b_value: float
    difference: float
    low: float | None = None
    high: float | None = None
    stderr: float | None = None
    p: float | None = None
    paired: bool = True
    n: int | None = None
    clusters: int | None = None
    gained: int | None = None
    lost: int | None = None
    gained_by_chance: float | None = None
    lost_by_chance: float | None = None
    correlation: float | None = None
    detectable: float | None = None
    method: str = ""
    why: str = ""
