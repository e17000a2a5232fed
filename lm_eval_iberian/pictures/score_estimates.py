"""A model's score with its interval, and the difference of two, for a picture.

Of what the comparer knows they are its own; of any other number that lm-eval wrote they
are made of the standard error that it wrote beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.stats import norm, t

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.stats.estimate import LEVEL, Difference, Estimate


_NO_ERROR = "no standard error was stored"


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
    """Return a value with the interval that its stored errors give."""
    runs = max(1, len(measure.runs))
    error = _error(measure)
    if error is None:
        return Estimate(measure.value, runs=runs, why=_NO_ERROR)
    reach = error * _quantile([measure])
    return Estimate(
        measure.value, measure.value - reach, measure.value + reach, error,
        runs=runs, method="stored",
    )  # fmt: skip


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
    errors = _error(a), _error(b)
    value = b.value - a.value
    if errors[0] is None or errors[1] is None:
        return Difference(a.value, b.value, value, paired=False, why=_NO_ERROR)
    error = math.hypot(errors[0], errors[1])
    reach = error * _quantile([a, b])
    return Difference(
        a.value, b.value, value, value - reach, value + reach, error,
        paired=False, method="stored",
    )  # fmt: skip


def _error(measure: Measure) -> float | None:
    if measure.sd is not None and len(measure.runs) > 1:
        return measure.sd / math.sqrt(len(measure.runs))
    return measure.stderr


def _quantile(measures: Sequence[Measure]) -> float:
    """Return Student's quantile where the error is one over few runs."""
    least = min((len(m.runs) for m in measures if m.sd is not None), default=0)
    tail = (1 + LEVEL) / 2
    return float(t.ppf(tail, least - 1) if least > 1 else norm.ppf(tail))
