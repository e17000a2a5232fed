"""A report as data: CSV, a row for each model and column, and JSON, all there is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.model_report import ModelReport, Report
from lm_eval_iberian.report.report_catalogue import Catalogue


HEADER = (
    "model", "table", "column", "metric", "value", "exact", "stderr", "sd", "runs",
    "complete", "present", "of", "missing", "n", "limited", "tasks", "shots",
    "chat_template",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@")
Row = dict[str, object]


def as_csv(report: Report) -> str:
    """Return the rows below a header; a value that is not there is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    for name, model in report.models.items():
        for block in report.catalogue.blocks.values():
            for column in block.columns:
                if column in model.averages:
                    row = _average_row(model.averages[column])
                    writer.writerow(_row_start(name, block.title, column) | row)
        for table, cells in (("benchmarks", model.cells), ("mini", model.minis)):
            for cell in cells.values():
                for row in _cell_rows(cell, report.catalogue):
                    writer.writerow(_row_start(name, table, cell.benchmark.id) | row)
    return out.getvalue()


def escape_csv(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> escape_csv("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_cell(value: object) -> object:
    """Return a value as a spreadsheet takes it for what it is: nothing is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return escape_csv(value)
    return "" if value is None else value


def _row_start(model: str, table: str, column: str) -> Row:
    return {"model": escape_csv(model), "table": table, "column": column}


def _average_row(average: Average) -> Row:
    value = average.value
    of = len(average.measures) + len(average.missing)
    return {
        "metric": average.metric,
        "value": _written(value),
        "exact": _said(value),
        "stderr": _said(average.stderr),
        "sd": _said(average.sd),
        "runs": average.runs if average.complete else "",
        "complete": _said(average.complete),
        "present": len(average.measures),
        "of": of,
        "missing": " ".join(average.missing),
        "limited": _said(average.limited),
    }


def _cell_rows(cell: Cell, catalogue: Catalogue) -> Iterator[Row]:
    settings = cell.settings()
    shots = sorted({str(s.shots) for s in settings if s.shots is not None})
    templates = sorted({_said(s.chat_template is not None) for s in settings})
    for metric in catalogue.kind_of(cell.benchmark).metrics:
        if metric in cell.measures:
            measure = cell.measures[metric]
            yield {
                "metric": metric,
                "value": _written(measure.value),
                "exact": measure.value,
                "stderr": _said(measure.stderr),
                "sd": _said(measure.sd),
                "runs": max(1, len(measure.runs)),
                "complete": "true",
                "n": _said(cell.n),
                "limited": _said(cell.limited()),
                "tasks": " ".join(s.task for s in settings),
                "shots": " ".join(shots),
                "chat_template": " ".join(templates),
            }


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _said(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def as_json(report: Report, sweeps: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return models, averages, benchmarks and issues as one object.

    ``value`` has two decimals, ``exact`` all of them.

    Args:
        report: The report.
        sweeps: What is written of each sweep.
    """
    content = {
        **({"sweeps": list(sweeps)} if sweeps else {}),
        "models": {
            name: _model(model, report.catalogue)
            for name, model in report.models.items()
        },
        "issues": [_issue(issue) for issue in report.issues],
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _model(model: ModelReport, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "averages": {
            name: _average_object(average, catalogue)
            for name, average in model.averages.items()
        },
        "benchmarks": {name: _cell_object(cell) for name, cell in model.cells.items()},
        "mini": {name: _cell_object(cell) for name, cell in model.minis.items()},
        "issues": [_issue(issue) for issue in model.issues],
        "other_tasks": list(model.others),
    }


def _average_object(average: Average, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "value": _rounded(average.value),
        "exact": average.value,
        "metric": average.metric,
        "stderr": average.stderr,
        "sd": average.sd,
        "runs": average.runs if average.complete else 0,
        "complete": average.complete,
        "missing": [catalogue.benchmarks[key].name for key in average.missing],
        "present": len(average.measures),
        "of": len(average.measures) + len(average.missing),
        "partial_mean": None if average.complete else average.partial,
        "limited": average.limited,
        "benchmarks": {
            catalogue.benchmarks[key].name: measure.value
            for key, measure in average.measures.items()
        },
    }


def _cell_object(cell: Cell) -> dict[str, Any]:
    settings = cell.settings()
    main = cell.measures.get(cell.metric)
    also = {k: _measure(m) for k, m in cell.measures.items() if k != cell.metric}
    return {
        "name": cell.benchmark.name,
        "lang": cell.benchmark.lang,
        "metric": cell.metric,
        **_measure(main),
        "also": also,
        "n": cell.n,
        "limited": cell.limited(),
        "missing_parts": list(cell.missing),
        "tasks": list(dict.fromkeys(s.task for s in settings)),
        "files": list(dict.fromkeys(result.file for result in cell.results)),
        "shots": _one([s.shots for s in settings]),
        "version": _one([s.version for s in settings]),
        "chat_template": _one([s.chat_template is not None for s in settings]),
        "fewshot_as_multiturn": _one([s.multiturn for s in settings]),
        "from_samples": any(result.from_samples for result in cell.results),
    }


def _measure(measure: Measure | None) -> dict[str, Any]:
    if measure is None:
        return {"value": None, "exact": None, "stderr": None, "sd": None, "runs": []}
    return {
        "value": _rounded(measure.value),
        "exact": measure.value,
        "stderr": measure.stderr,
        "sd": measure.sd,
        "runs": list(measure.runs),
    }


def _one(values: list[Any]) -> Any:
    """Return the value that all parts share, or all that there are."""
    found = list(dict.fromkeys(values))
    return found[0] if len(found) == 1 else found


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "kind": issue.kind,
        "text": issue.text,
        "benchmark": issue.benchmark,
        "files": list(issue.files),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
