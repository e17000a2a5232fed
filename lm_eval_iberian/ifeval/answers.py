"""Answers that were produced elsewhere, read from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.answer_forms import GivenAnswer, read_answer
from lm_eval_iberian.ifeval.packed_rows import read_rows
from lm_eval_iberian.terminal import some


@dataclass(frozen=True)
class Answers:
    """What an answers file holds.

    Attributes:
        path: The file.
        given: The answers, in their order.
        bad_rows: For each row that cannot be used, where it is and why.
    """

    path: Path
    given: tuple[GivenAnswer, ...]
    bad_rows: tuple[str, ...] = ()


def read_answers(path: Path, *, keep_going: bool = False) -> Answers:
    """Read an answers file; see ``read_rows`` and ``read_answer`` for its forms.

    A null response is an empty answer.

    Args:
        path: The file.
        keep_going: Leave out rows that cannot be used.

    Raises:
        DataError: A row cannot be used; the file has no answer at all, or has them by
            several of lm-eval's filters.
    """
    given, bad = [], []
    for where, row in read_rows(path):
        try:
            if isinstance(row, DataError):
                raise row
            given.append(read_answer(row, where))
        except DataError as error:
            if not keep_going:
                raise DataError(going_on(error)) from error
            bad.append(str(error))
    if not given:
        why = f"; {some(bad, 3)}" if bad else ""
        raise DataError(f"{path} holds no answers{why}")
    filters = sorted({answer.filter for answer in given if answer.filter is not None})
    if len(filters) > 1:
        raise DataError(
            f"{path} holds the answers by the filters {', '.join(filters)}; leave the "
            "rows of one of them"
        )
    return Answers(path, tuple(given), tuple(bad))


def going_on(error: object) -> str:
    """Return a row's fault with what to do about it."""
    return f"{error}; --keep-going leaves such rows out"
