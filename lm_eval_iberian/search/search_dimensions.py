"""What is drawn: a range of a specification, or a list of choices, under a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lm_eval_iberian.sweep.placed_yaml import Placed
from lm_eval_iberian.sweep.value_ranges import RANGE


_RANGE = re.compile(rf"{RANGE}(?:\s+by\s+(third|part|third and part))?")
_DIGITS = 4


@dataclass(frozen=True)
class Dimension:
    """What is drawn: a number between two, or one of some choices.

    Attributes:
        name: Its name among all.
        low: The least number.
        high: The greatest.
        step: Between numbers; ``None`` where any is drawn.
        choices: What is chosen from; empty for numbers.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    choices: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[Any, Any]:
        """Two values that are as far apart as any."""
        if self.choices:
            return self.choices[0], self.choices[-1]
        return self.low, self.high

    def drawn(self, trial: Any) -> Any:
        """Have a trial of optuna's draw a value."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        return rounded(
            trial.suggest_float(self.name, self.low, self.high, step=self.step)
        )


def read_dimension(name: str, placed: Placed) -> tuple[Dimension, str] | None:
    """Return what is drawn for a value, and for which places; ``None`` for one value.

    Args:
        name: What it is to be called.
        placed: What the specification has: one value, a list of choices, or
            ``0..1.5``, with ``step 0.25`` and ``by third and part`` where that is
            wanted.

    Raises:
        SweepSpecError: A range is none.
    """
    value = placed.value
    if isinstance(value, list):
        chosen = tuple(one.plain() for one in placed.entries("values"))
        if not all(isinstance(one, str | int | float) for one in chosen):
            raise placed.fault(
                f"{name}: a list of values is wanted, {placed.plain()!r}"
            )
        return Dimension(name, choices=chosen), ""
    if not (isinstance(value, str) and ".." in value):
        return None
    match = _RANGE.fullmatch(value.strip())
    if match is None:
        raise placed.fault(
            f"{name}: {value!r} is no range; write 0..1.5, 0..1.5 step 0.25, or 0..1.5"
            " by third and part"
        )
    low, high = Decimal(match[1]), Decimal(match[2])
    step = None if match[3] is None else Decimal(match[3])
    if high <= low:
        raise placed.fault(f"{name}: {value!r} ends where it begins, or before")
    if step is not None and (step <= 0 or (high - low) % step):
        raise placed.fault(f"{name}: the steps of {value!r} do not come to its end")
    shown = float(step) if step is not None else None
    return Dimension(name, float(low), float(high), shown), match[4] or ""


def rounded(value: float) -> float:
    """Return a number as a recipe shows it."""
    return float(round(Decimal(repr(float(value))), _DIGITS))
