"""A sweep as data: the curves of the paper's Figure 1 as CSV, all of it for JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.report.as_data import csv_cell
from lm_eval_iberian.report.best_weight import CHOSEN_HERE, BestPoint
from lm_eval_iberian.report.sweep_report import CurvePoint, SweepReport
from lm_eval_iberian.report.sweep_scores import Score
from lm_eval_iberian.report.table_entries import Table


FIGURE_HEADER = (
    "sweep", "lang", "role", "model", "method", "settings", "parameter", "x", "score",
    "name", "metric", "value", "exact", "stderr", "sd", "runs", "missing",
)  # fmt: skip
_FORMATS = ("csv", "json")


def figure_data(sweeps: Iterable[SweepReport], path: Path) -> str:
    """Return the data of the curves, a row for each score, as a file's suffix says.

    Raises:
        UnknownNameError: It says neither CSV nor JSON.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in _FORMATS:
        raise UnknownNameError("format of the figure's data", form, _FORMATS)
    rows = [row for sweep in sweeps for row in figure_rows(sweep)]
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    out = io.StringIO()
    writer = csv.DictWriter(out, FIGURE_HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        settings = " ".join(f"{name}={text}" for name, text in row["settings"].items())
        missing = " ".join(row["missing"])
        runs = "" if row["value"] is None else max(1, len(row["runs"]))
        plain = {"settings": settings, "missing": missing, "runs": runs}
        writer.writerow({name: csv_cell(one) for name, one in (row | plain).items()})
    return out.getvalue()


def figure_rows(report: SweepReport) -> Iterator[dict[str, Any]]:
    """Yield every score of the curves; that of a baseline has no ``x``."""
    rule = report.view.rule
    for point in report.curves:
        for score, name, found in (
            ("language", rule.language, point.language),
            ("following", rule.following, point.following),
        ):
            yield {
                "sweep": str(report.sweep.path),
                **_place(point),
                "score": score,
                "name": name.of(point.lang),
                "metric": found.metric.label,
                **_score(found),
            }


def _place(point: CurvePoint) -> dict[str, Any]:
    series = point.series
    return {
        "lang": point.lang,
        "role": point.model.role,
        "model": point.model.name,
        "method": point.model.method,
        "settings": dict(series.settings) if series else {},
        "parameter": series.parameter if series else "",
        "x": point.value,
    }


def _score(score: Score) -> dict[str, Any]:
    measure = score.measure
    return {
        "value": None if measure is None else round(measure.value, 2),
        "exact": None if measure is None else measure.value,
        "stderr": None if measure is None else measure.stderr,
        "sd": None if measure is None else measure.sd,
        "runs": [] if measure is None else list(measure.runs),
        "missing": list(score.lacking),
    }


def sweep_object(report: SweepReport) -> dict[str, Any]:
    """Return all of a sweep's report as JSON holds it."""
    rule = report.view.rule
    return {
        "sweep": str(report.sweep.path),
        "cells": len(report.sweep.cells),
        "missing": report.sweep.missing,
        "best_by": {"rule": rule.text, "is": rule.sentence, "note": CHOSEN_HERE},
        "best": [_best(one) for one in report.best],
        "tables": [_table(table) for table in report.tables],
        "figure": list(figure_rows(report)),
        "notes": list(map(asdict, report.notes)),
    }


def _best(best: BestPoint) -> dict[str, Any]:
    language, following = best.chosen if best.model is not None else (None, None)
    return {
        "lang": best.lang,
        "method": best.series.method,
        "settings": dict(best.series.settings),
        "parameter": best.series.parameter,
        "best": best.value,
        "as_good": list(best.ties),
        "model": None if best.model is None else best.model.name,
        "language": None if language is None else _score(language),
        "following": None if following is None else _score(following),
        "compared": best.compared,
        "of": len(best.series.points),
        "not_compared": list(best.without),
    }


def _table(table: Table) -> dict[str, Any]:
    rows: dict[str, Sequence[Any]] = {
        name: [
            one.text or (None if one.measure is None else one.measure.value)
            for one in row
        ]
        for name, row in table.rows.items()
    }
    return {"title": table.title, "columns": list(table.columns), "rows": rows}
