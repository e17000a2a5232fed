"""Whether an aggregation is given what its task's documents were scored with.

lm-eval carries the values from one to the other; a release that reduces them on the way
must not make a wrong number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

from lm_eval_iberian.errors import DataError


def require_form(
    items: Iterable[Any], fits: Callable[[Any], bool], metric: str, form: str
) -> None:
    """Refuse to aggregate values of another form.

    Args:
        items: One value for each document.
        fits: Whether a value has the form.
        metric: What they would become.
        form: The form in words.

    Raises:
        DataError: One has not; with its place.
    """
    for number, item in enumerate(items, start=1):
        if not fits(item):
            raise DataError(
                f"{metric} needs {form} for each document, and lm-eval gave"
                f" {repr(item)[:80]} for document {number}: its release hands scores"
                " over otherwise than 0.4.13, for which this task is written"
            )


def is_row(item: Any) -> bool:
    """Tell whether a value is a list or a tuple."""
    return isinstance(item, list | tuple)


def is_pair(item: Any) -> bool:
    """Tell whether a value is a row of two."""
    return is_row(item) and len(item) == 2


def is_number(item: Any) -> bool:
    """Tell whether a value is a number and no truth value."""
    return isinstance(item, Real) and not isinstance(item, bool)
