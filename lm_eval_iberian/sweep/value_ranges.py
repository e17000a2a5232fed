"""Several values for one parameter: a list, or ``0.25..2.0 step 0.25``."""

from __future__ import annotations

import re
from decimal import Decimal

from lm_eval_iberian.sweep.placed_yaml import Placed


_NUMBER = r"[-+]?\d{1,20}(?:\.\d{1,20})?"
# begin, end and step
RANGE = rf"({_NUMBER})\s*\.\.\s*({_NUMBER})(?:\s+step\s+({_NUMBER}))?"
_RANGE = re.compile(RANGE)
_MOST = 1000


def value_texts(placed: Placed, what: str) -> tuple[str, ...]:
    """Return the values of a parameter as texts, in their order.

    Args:
        placed: One value, a list of values, or a range, whose end is one of its values.
        what: The parameter's name.

    Raises:
        SweepSpecError: The range has no such values, or a value is there twice.
    """
    found: list[str] = []
    for one in placed.entries(f"values of {what}"):
        for text in _texts(one, what):
            if text in found:
                raise one.fault(f"{what} has the value {text} twice")
            found.append(text)
    return tuple(found)


def _texts(placed: Placed, what: str) -> list[str]:
    value = placed.value
    if isinstance(value, str) and ".." in value:
        return _range(placed, value, what)
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, int | float):
        return [_shown(Decimal(repr(value)))]
    return [placed.text(what)]


def _range(placed: Placed, text: str, what: str) -> list[str]:
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[3] is None:
        raise placed.fault(
            f"{what}: {text!r} is no range; write 0.25..2.0 step 0.25, or a list"
        )
    begin, end, step = (Decimal(part) for part in match.groups())
    if step <= 0:
        raise placed.fault(f"{what}: the step of {text!r} must be above 0")
    if end < begin:
        raise placed.fault(
            f"{what}: {text!r} ends before it begins; write"
            f" {_shown(end)}..{_shown(begin)} step {_shown(step)}"
        )
    steps, rest = divmod(end - begin, step)
    if rest:
        last = begin + steps * step
        raise placed.fault(
            f"{what}: {text!r} does not come to its end; its last value is"
            f" {_shown(last)}, so write {_shown(begin)}..{_shown(last)} step"
            f" {_shown(step)}"
        )
    if steps >= _MOST:
        raise placed.fault(f"{what}: {text!r} has more than {_MOST} values")
    return [_shown(begin + number * step) for number in range(int(steps) + 1)]


def _shown(number: Decimal) -> str:
    """Return a number in its shortest form: 1 for 1.0."""
    if not number.is_finite():
        return str(number)
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
