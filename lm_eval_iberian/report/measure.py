"""What was measured: a metric's value and its error, and how they are had.

From a results file, from the samples of a task, over the items of its parts, over runs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.report.reported_benchmark import Subset
from lm_eval_iberian.report.results_file import ResultsFile, read_samples


@dataclass(frozen=True)
class Measure:
    """A metric's value and its error, in per cent or points.

    Args:
        value: The value; over runs, the mean.
        stderr: The standard error, ``None`` where lm-eval gives none.
        sd: The standard deviation over runs, ``None`` for fewer than two.
        runs: The value of each run.
    """

    value: float
    stderr: float | None = None
    sd: float | None = None
    runs: tuple[float, ...] = ()


def measures_of(
    file: ResultsFile,
    task: str,
    wanted: Iterable[str],
    metrics: Mapping[str, Metric],
) -> dict[str, Measure]:
    """Return those of the metrics that a task has, by name."""
    row = file.results[task]
    found = {}
    for name in wanted:
        key = metric_key(row, name, f"{file.path}: results.{task}")
        if key is not None:
            where = f"{file.path}: results.{task}.{key}"
            metric = metrics[name]
            value = metric.scale * _value(row[key], metric, where)
            found[name] = Measure(value, _stderr(row, name, key, metric.scale))
    return found


def score_subset(
    path: Path, subset: Subset, items: int | None, wanted: str = "none"
) -> tuple[Measure, int]:
    """Return the accuracy on a subset, in per cent, and how many items it has.

    Args:
        path: Samples of the whole task.
        subset: Which of them count.
        items: How many samples there must be.
        wanted: The filter of the results.

    Raises:
        DataError: Samples are missing, malformed, two of one item differ, or none
            belongs to the subset.
    """
    scores: dict[int, float] = {}
    seen: set[int] = set()
    for where, row in read_samples(path, wanted):
        document = row.get("doc")
        if not isinstance(document, Mapping) or subset.field not in document:
            raise DataError(f"{where}: the sample has no doc.{subset.field}")
        doc = row.get("doc_id")
        if not isinstance(doc, int):
            raise DataError(f"{where}: the sample has no doc_id")
        seen.add(doc)
        if document[subset.field] == subset.value:
            right = _right(row, where)
            if scores.setdefault(doc, right) != right:
                raise DataError(f"{where}: doc {doc} has two results that differ")
    if items is not None and len(seen) != items:
        raise DataError(
            f"{path} has {len(seen)} samples, but the results count {items}; one of "
            "the two files is not whole"
        )
    if not scores:
        raise DataError(f"{path} has no sample with {subset.field} {subset.value!r}")
    n = len(scores)
    share = sum(scores.values()) / n
    error = (share * (1 - share) / (n - 1)) ** 0.5 if n > 1 else None
    return Measure(100 * share, None if error is None else 100 * error), n


def micro(parts: Sequence[tuple[Measure, int]]) -> Measure:
    """Return the mean over the items of all parts, with its standard error.

    Args:
        parts: For each part its mean and its number of items.

    Raises:
        ValueError: There is no part, or one has no items.
    """
    if not parts or any(n < 1 for _, n in parts):
        raise ValueError("a micro average needs parts with at least one item each")
    total = sum(n for _, n in parts)
    value = math.fsum(n * measure.value for measure, n in parts) / total
    errors = [measure.stderr for measure, _ in parts]
    if any(error is None for error in errors):
        return Measure(value)
    squares = (
        (n * error) ** 2
        for error, (_, n) in zip(errors, parts, strict=True)
        if error is not None
    )
    return Measure(value, math.sqrt(math.fsum(squares)) / total)


def over_runs(runs: Sequence[Mapping[str, Measure]]) -> dict[str, Measure]:
    """Return mean and sample standard deviation of each metric that every run has."""
    found = {}
    for name in runs[0]:
        if all(name in run for run in runs):
            values = tuple(run[name].value for run in runs)
            sd = statistics.stdev(values) if len(values) > 1 else None
            found[name] = Measure(statistics.fmean(values), None, sd, values)
    return found


def filters_of(file: ResultsFile, task: str, wanted: Iterable[str]) -> dict[str, str]:
    """Return by which filter a task has each metric, of those that it has."""
    row, where = file.results[task], f"{file.path}: results.{task}"
    keys = {name: metric_key(row, name, where) for name in wanted}
    return {
        name: key.removeprefix(name).removeprefix(",") or "none"
        for name, key in keys.items()
        if key is not None
    }


def metric_key(row: Mapping[str, Any], metric: str, where: str) -> str | None:
    """Return the key of a metric: lm-eval adds the filter, before 0.4 nothing.

    Raises:
        DataError: It has the metric by several filters, and none is ``none``.
    """
    for key in (f"{metric},none", metric):
        if key in row:
            return key
    filtered = [key for key in row if key.startswith(f"{metric},")]
    if len(filtered) > 1:
        raise DataError(
            f"{where} has {metric} by {len(filtered)} filters, {', '.join(filtered)}, "
            "and none of them is 'none'; leave one, or pass --keep-going"
        )
    return filtered[0] if filtered else None


def _value(value: Any, metric: Metric, where: str) -> float:
    if not _finite(value):
        raise DataError(
            f"{where} is {str(value)[:40]!r}, not a number; run the evaluation again, "
            "or pass --keep-going to go on without it"
        )
    if not metric.least <= value <= metric.most:
        raise DataError(
            f"{where} is {value}, but {metric.label} lies between {metric.least} and "
            f"{metric.most}; run the evaluation again, or pass --keep-going"
        )
    return float(value)


def _stderr(
    row: Mapping[str, Any], metric: str, key: str, scale: float
) -> float | None:
    """Return the standard error; lm-eval writes ``N/A`` where it has none."""
    found = row.get(f"{metric}_stderr{key.removeprefix(metric)}")
    return scale * found if _finite(found) and found >= 0 else None


def _finite(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON knows integers that no float holds
        return False


def _right(row: Mapping[str, Any], where: str) -> float:
    found = row.get("acc")
    if not isinstance(found, int | float) or found not in (0, 1):
        raise DataError(f"{where}: acc is {str(found)[:40]!r}, not 0 or 1")
    return float(found)
