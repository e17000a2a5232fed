"""A model's score with its interval, and the difference of two, for a picture.

Of what the comparer knows they are its own; of any other number that lm-eval wrote they
are made of the standard error that it wrote beside it.
"""

from __future__ import annotations

import math

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.stats.estimate import Difference, Estimate
from lm_eval_iberian.stats.stored_errors import stored_average, stored_difference


def score_estimate(
    comparer: Comparer | None, subject: str, name: str, measure: Measure | None
) -> Estimate | None:
    """Return a score with its interval, ``None`` where there is no score.

    Args:
        comparer: Who knows the items; left out, what is stored counts.
        subject: The model.
        name: A benchmark, an average, or ``TASK:METRIC``.
        measure: The score as the report has it.
    """
    if measure is None:
        return None
    found = None
    if comparer is not None and subject in comparer.subjects:
        key, _, metric = name.partition(":")
        try:
            found = comparer.estimate(subject, key, metric)
        except UnknownNameError:
            found = None  # any task of lm-eval's may be a score
    if found is not None and math.isclose(found.value, measure.value, abs_tol=1e-6):
        return found
    return stored_estimate(measure)


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


def score_difference(
    comparer: Comparer | None,
    names: tuple[str, str],
    name: str,
    measures: tuple[Measure | None, Measure | None],
) -> Difference | None:
    """Return how a score of the second differs from that of the first, the baseline.

    Args:
        comparer: Who knows the items; left out, what is stored counts.
        names: The two models.
        name: A benchmark, an average, or ``TASK:METRIC``.
        measures: The two scores as the report has them.

    Raises:
        DataError: Their settings differ, or their samples do not pair.
    """
    a, b = measures
    if a is None or b is None:
        return None
    found = None
    if comparer is not None and comparer.subjects.keys() >= set(names):
        key, _, metric = name.partition(":")
        try:
            row = comparer.compare(*names, key, metric)
        except UnknownNameError:
            row = None
        found = row.difference if row is not None else None
    if found is not None and math.isclose(
        found.difference, b.value - a.value, abs_tol=1e-6
    ):
        return found
    return stored_difference(_stored(a), _stored(b))
