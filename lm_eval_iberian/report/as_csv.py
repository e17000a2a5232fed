"""A report as CSV: a row for each model and column, for each model and benchmark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.model_report import Report
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
                    row = _average(model.averages[column])
                    writer.writerow(_start(name, block.title, column) | row)
        for table, cells in (("benchmarks", model.cells), ("mini", model.minis)):
            for cell in cells.values():
                for row in _cell(cell, report.catalogue):
                    writer.writerow(_start(name, table, cell.benchmark.id) | row)
    return out.getvalue()


def escape(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> escape("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _start(model: str, table: str, column: str) -> Row:
    return {"model": escape(model), "table": table, "column": column}


def _average(average: Average) -> Row:
    value = average.value
    of = len(average.measures) + len(average.missing)
    return {
        "metric": average.metric,
        "value": _two(value),
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


def _cell(cell: Cell, catalogue: Catalogue) -> Iterator[Row]:
    settings = cell.settings()
    shots = sorted({str(s.shots) for s in settings if s.shots is not None})
    templates = sorted({_said(s.chat_template is not None) for s in settings})
    for metric in catalogue.kind_of(cell.benchmark).metrics:
        if metric in cell.measures:
            measure = cell.measures[metric]
            yield {
                "metric": metric,
                "value": _two(measure.value),
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


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _said(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
