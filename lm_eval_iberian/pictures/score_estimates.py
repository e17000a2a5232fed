"""Models' scores with their intervals, and differences of two, for pictures.

Of benchmarks and averages they are the comparer's own. A sweep may be told by any other
task's number too: its samples are read in the same way. Where there are none, they are
made of the standard error that lm-eval wrote beside the score.
"""

from __future__ import annotations

import math

from lm_eval_iberian.comparison import Comparer, catalogue_of_tasks, subjects_of
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.model_report import build_report
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.sweep_report import SweepReport
from lm_eval_iberian.stats import (
    Difference,
    Estimate,
    stored_average,
    stored_difference,
)


# how far a value of samples may be from the one that was written: another is another's
_NEAR = 0.05


class ScoreEstimates:
    """Says how certain scores are.

    Args:
        comparer: Who knows the items; left out, what is stored counts.
        sweep: The sweep whose scores are asked for, which may be of any task.
    """

    def __init__(
        self, comparer: Comparer | None, sweep: SweepReport | None = None
    ) -> None:
        self._comparers: list[tuple[set[str], Comparer]] = []
        if comparer is not None:
            self._comparers.append((_names(comparer.catalogue), comparer))
        if comparer is not None and sweep is not None:
            other = _of_tasks(sweep, comparer)
            if other is not None:
                self._comparers.append((set(other.catalogue.benchmarks), other))

    def estimate(
        self, subject: str, name: str, measure: Measure | None
    ) -> Estimate | None:
        """Return a score with its interval, ``None`` where there is no score.

        Args:
            subject: The model.
            name: A benchmark, an average, or ``TASK:METRIC``.
            measure: The score as the report has it.

        Raises:
            DataError: Samples cannot be used.
        """
        if measure is None:
            return None
        key, _, metric = name.partition(":")
        comparer = self._of(key, subject)
        found = comparer.estimate(subject, key, metric) if comparer else None
        if found is not None and abs(found.value - measure.value) <= _NEAR:
            return found
        return stored_estimate(measure)

    def difference(
        self,
        names: tuple[str, str],
        name: str,
        measures: tuple[Measure | None, Measure | None],
    ) -> Difference | None:
        """Return how a score of the second differs from that of the first.

        Args:
            names: The two models, the baseline first.
            name: A benchmark, an average, or ``TASK:METRIC``.
            measures: The two scores as the report has them.

        Raises:
            DataError: Their settings differ, or their samples do not pair or cannot be
                used.
        """
        a, b = measures
        if a is None or b is None:
            return None
        key, _, metric = name.partition(":")
        comparer = self._of(key, *names)
        row = comparer.compare(*names, key, metric) if comparer else None
        if row is not None:
            found = row.difference
            if abs(found.difference - (b.value - a.value)) <= 2 * _NEAR:
                return found
        return stored_difference(_stored(a), _stored(b))

    def _of(self, key: str, *subjects: str) -> Comparer | None:
        for known, comparer in self._comparers:
            if key in known and comparer.subjects.keys() >= set(subjects):
                return comparer
        return None


def stored_estimate(measure: Measure) -> Estimate:
    """Return a value with the interval that its stored errors give.

    Over several runs that is how they differ; of which items they are is not known.
    """
    return stored_average([_stored(measure)])


def _stored(measure: Measure) -> Estimate:
    runs = len(measure.runs)
    if measure.sd is None or runs < 2:
        return Estimate(measure.value, stderr=measure.stderr)
    error = measure.sd / math.sqrt(runs)
    return Estimate(measure.value, stderr=error, clusters=runs, runs=runs)


def _names(catalogue: Catalogue) -> set[str]:
    return {*catalogue.columns(), *catalogue.every()}


def _of_tasks(sweep: SweepReport, comparer: Comparer) -> Comparer | None:
    """Return who knows the tasks of a sweep's scores that are of no benchmark."""
    catalogue, rule = comparer.catalogue, sweep.view.rule
    known = _names(catalogue)
    asked: dict[str, tuple[str, str]] = {}
    for lang in sweep.sweep.languages:
        for score in (rule.language, rule.following):
            task, _, metric = score.of(lang).partition(":")
            if task not in known and metric in catalogue.metrics:
                asked[task] = (lang, metric)
    if not asked:
        return None
    tasks = catalogue_of_tasks(catalogue, asked)
    report = build_report(
        [sweep.sweep.path / "cells"], catalogue=tasks, keep_going=True, needed=False
    )
    return Comparer(subjects_of(report), tasks, comparer.options)
