"""One task's result in one results file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Kind, Metric
from lm_eval_iberian.report.results_file import ResultsFile
from lm_eval_iberian.report.setting import Setting, setting_of


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


@dataclass(frozen=True)
class Result:
    """What a model scored on a task, once.

    Args:
        model: The model's name.
        setting: Task and settings.
        measures: Values by metric.
        n: How many items were scored, ``None`` where unsaid.
        file: The path of the results file.
        when: When it was made, in seconds.
        run: What tells this run from others; copies share it.
        sha: The commit of the model's weights, where it is said.
        from_samples: Whether it was counted from samples.
    """

    model: str
    setting: Setting
    measures: Mapping[str, Measure]
    n: int | None
    file: str
    when: float
    run: str
    sha: str | None = None
    from_samples: bool = False


def result_of(
    file: ResultsFile,
    model: str,
    task: str,
    kind: Kind,
    metrics: Mapping[str, Metric],
) -> Result:
    """Return a task's result.

    Raises:
        DataError: A value is not a number, not finite or out of the metric's range.
    """
    measures = measures_of(file, task, kind.metrics, metrics)
    return as_result(file, model, task, kind, measures, file.samples(task)[1])


def as_result(
    file: ResultsFile,
    model: str,
    task: str,
    kind: Kind,
    measures: Mapping[str, Measure],
    n: int | None,
    from_samples: bool = False,
) -> Result:
    """Return measures with the settings they were had under."""
    sha = file.section("config").get("model_sha")
    dated = {name: file.content.get(name) for name in ("date", "start_time")}
    return Result(
        model=model,
        setting=setting_of(file, task, kind),
        measures=measures,
        n=n,
        file=file.name,
        when=file.when(),
        run=str(dated) if all(dated.values()) else file.sha,
        sha=sha if isinstance(sha, str) and sha else None,
        from_samples=from_samples,
    )


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
        key = _key(row, name, f"{file.path}: results.{task}")
        if key is not None:
            where = f"{file.path}: results.{task}.{key}"
            metric = metrics[name]
            value = metric.scale * _value(row[key], metric, where)
            found[name] = Measure(value, _stderr(row, name, key, metric.scale))
    return found


def _key(row: Mapping[str, Any], metric: str, where: str) -> str | None:
    """Return the key of a metric: lm-eval adds the filter, before 0.4 nothing."""
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
