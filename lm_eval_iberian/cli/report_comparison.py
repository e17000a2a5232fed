"""Whom the models of a report are held against, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_eval_iberian.errors import DataError, UnknownNameError


if TYPE_CHECKING:
    from lm_eval_iberian.comparison import Comparer, ComparisonReport
    from lm_eval_iberian.report import Report


@dataclass(frozen=True)
class ComparisonAsked:
    """How the models of a report are to be compared.

    Args:
        baseline: The model that the others are held against; empty: it is chosen.
        allow_mixed: Go on where settings differ.
        keep_going: Go on where samples cannot be used.
    """

    baseline: str = ""
    allow_mixed: bool = False
    keep_going: bool = False


def comparer_of(report: Report, asked: ComparisonAsked) -> Comparer:
    """Return who compares the models of a report.

    Raises:
        DataError: None of them has a result.
    """
    from lm_eval_iberian.comparison import (
        CompareOptions,
        Comparer,
        subjects_of,
    )

    subjects = subjects_of(report)
    if not subjects:
        raise DataError("no model has a result; run the evaluations first")
    options = CompareOptions(allow_mixed=asked.allow_mixed, keep_going=asked.keep_going)
    return Comparer(subjects, report.catalogue, options)


def compared(
    comparer: Comparer,
    baseline: str,
    report: Report,
    say: Callable[[str], None],
    done: Callable[[int, int], None] = lambda number, of: None,
) -> ComparisonReport:
    """Return the comparison of all others with the baseline.

    Args:
        comparer: The models.
        baseline: The one that the others are held against; empty: it is chosen.
        report: Their results.
        say: Told what was chosen, and what is not compared.
        done: Told how many comparisons there are, and of how many.

    Raises:
        DataError: Settings differ, or samples cannot be used.
        UnknownNameError: There is no such baseline.
    """
    from lm_eval_iberian.comparison import ComparisonReport, compare_all

    names = comparer.subjects
    if baseline and baseline not in names:
        raise UnknownNameError("model", baseline, names)
    chosen = baseline or _usual_baseline(comparer)
    if len(names) == 1:
        return ComparisonReport(comparer, chosen, (), (), report.inputs)
    if not baseline:
        say(f"the others are held against {chosen}; --baseline NAME takes another")
    found = compare_all(comparer, chosen, leave_out=True, done=done)
    for note in found.notes:
        if note.kind == "mixed" and not note.about:
            say(note.text)
    return found


def _usual_baseline(comparer: Comparer) -> str:
    """Return the instructed model of a sweep, its base, or the first of all models."""
    for role in ("instruct", "base"):
        for name, subject in comparer.subjects.items():
            if subject.role == role:
                return name
    return next(iter(comparer.subjects))
