"""What a sample holds of a metric, as counts: the metric is a function of their sums.

The form is the catalogue's: whether the item is right, verdicts on its instructions,
the label and the one chosen, a reference and a translation, a log-likelihood and its
weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.stats import (
    CorpusMetric,
    Floats,
    MetricOfSums,
    corpus_counts,
    matthews,
    perplexity,
    ratio,
)
from lm_eval_iberian.terminal import one_line


Indices = NDArray[np.int64]
# what a sample that lacks a metric has in its place
ABSENT: Final = object()


@dataclass(frozen=True)
class Counts:
    """What was counted in the items of a file.

    Args:
        counts: Of shape (rows, columns).
        rows: Of shape (items,): how many rows each item has; verdicts have one each,
            and an item that does not count has none.
        metric: The value of column sums.
        ratio: Whether that is a scale times the first column over the second.
        binary: Whether a row is right or wrong.
    """

    counts: Floats
    rows: Indices
    metric: MetricOfSums
    ratio: bool = False
    binary: bool = False


def value_in(row: Mapping[str, Any], name: str, form: str) -> Any:
    """Return what a sample holds of a metric, :data:`ABSENT` where it holds nothing.

    A translation that was not written down as such is the answer, by the sample's
    filter, and its reference the target.
    """
    if name in row:
        return row[name]
    if form == "texts":
        answers = row.get("filtered_resps")
        if isinstance(answers, list) and len(answers) == 1:
            return [row.get("target"), answers[0]]
    return ABSENT


def counts_of(
    values: Sequence[Any], name: str, metric: Metric, where: Callable[[int], str]
) -> Counts:
    """Return the counts of a metric.

    Args:
        values: What each sample holds of it.
        name: lm-eval's name of the metric.
        metric: What is known of it.
        where: Returns where a sample stands.

    Raises:
        DataError: A value has not the form.
    """
    if not values:
        raise DataError(f"there is no sample to count {name} in")
    check, form = _CHECKS[metric.form]
    for at, value in enumerate(values):
        if not check(value, metric):
            wanted = form.format(least=metric.least, most=metric.most)
            raise DataError(
                f"{where(at)}: {name} is {one_line(_written(value), 40)}, not {wanted}"
            )
    return _COUNTS[metric.form](values, name, metric)


def _written(value: Any) -> str:
    return "not there" if value is ABSENT else repr(value)


def _is_share(value: Any, metric: Metric) -> bool:
    return value is None or (_is_number(value) and metric.least <= value <= metric.most)


def _are_verdicts(value: Any, metric: Metric) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, bool | int | float) and one in (0, 1) for one in value
    )


def _are_labels(value: Any, metric: Metric) -> bool:
    return _is_two(value) and all(
        isinstance(one, int) and one in (0, 1) for one in value
    )


def _are_texts(value: Any, metric: Metric) -> bool:
    return _is_two(value) and all(isinstance(one, str) for one in value)


def _are_loss(value: Any, metric: Metric) -> bool:
    return _is_two(value) and all(map(_is_number, value)) and value[1] > 0


def _is_two(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and len(value) == 2


def _is_number(value: Any) -> TypeGuard[float]:
    if not isinstance(value, bool | int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON knows integers that no float holds
        return False


_CHECKS: Final[Mapping[str, tuple[Callable[[Any, Metric], bool], str]]] = {
    "right": (_is_share, "a number from {least} to {most}"),
    "verdicts": (_are_verdicts, "a list of verdicts"),
    "labels": (_are_labels, "a label and the one chosen, 0 or 1"),
    "texts": (_are_texts, "a reference and a translation"),
    "losses": (_are_loss, "a log-likelihood and its weight"),
}


def _right(values: Sequence[Any], name: str, metric: Metric) -> Counts:
    counted = [value for value in values if value is not None]
    rows = np.array([value is not None for value in values], np.int64)
    return _shares(counted, rows, metric)


def _verdicts(values: Sequence[Any], name: str, metric: Metric) -> Counts:
    rows = np.array([len(value) for value in values], np.int64)
    return _shares([one for value in values for one in value], rows, metric)


def _shares(counted: Iterable[float], rows: Indices, metric: Metric) -> Counts:
    first = np.array(list(counted), np.float64)
    counts = np.stack([first, np.ones_like(first)], axis=1)
    binary = bool(np.isin(first, (0.0, 1.0)).all())
    return Counts(counts, rows, ratio(metric.scale), True, binary)


def _labels(values: Sequence[Any], name: str, metric: Metric) -> Counts:
    cells = [2 * gold + chosen for gold, chosen in values]
    counts = np.eye(4)[cells]
    return Counts(counts, np.ones(len(counts), np.int64), matthews(metric.scale))


def _texts(values: Sequence[Any], name: str, metric: Metric) -> Counts:
    pairs = [(reference, translation) for reference, translation in values]
    counts, of_sums = corpus_counts(cast("CorpusMetric", name), pairs)
    return Counts(counts, np.ones(len(counts), np.int64), of_sums)


def _losses(values: Sequence[Any], name: str, metric: Metric) -> Counts:
    counts = np.array(values, np.float64)
    return Counts(counts, np.ones(len(counts), np.int64), perplexity())


_COUNTS: Final[Mapping[str, Callable[[Sequence[Any], str, Metric], Counts]]] = {
    "right": _right,
    "verdicts": _verdicts,
    "labels": _labels,
    "texts": _texts,
    "losses": _losses,
}
