"""Tables with intervals, of results that were made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_results import Results

from lm_eval_iberian.comparison import (
    CompareOptions,
    Comparer,
    subjects_of,
)
from lm_eval_iberian.paper_tables import RankedEntry, tables_with_intervals
from lm_eval_iberian.report import Report, build_report
from lm_eval_iberian.report.sweep_report import SweepReport
from lm_eval_iberian.report.table_entries import Table


def accuracy(value: float, stderr: float | None = 0.02) -> dict[str, Any]:
    """Return a result of multiple choice; without an error as lm-eval writes it."""
    return {
        "acc,none": value,
        "acc_stderr,none": "N/A" if stderr is None else stderr,
    }


def belebele(
    results: Results, models: Mapping[str, tuple[float, float | None]], **more: Any
) -> None:
    """Write Basque Belebele for models: accuracy and its standard error."""
    for model, (value, stderr) in models.items():
        row = {"belebele_eus_Latn": accuracy(value, stderr)}
        results.write(row, model=model, **more)


def made_tables(
    paths: Sequence[Path],
    sweeps: Sequence[SweepReport] = (),
    report: Report | None = None,
    **options: Any,
) -> dict[str, Table]:
    """Return the tables of results, by title."""
    report = report or build_report(paths)
    chosen = CompareOptions(resamples=200, **options)
    comparer = Comparer(subjects_of(report), report.catalogue, chosen)
    found = tables_with_intervals(report, comparer, sweeps)
    return {table.title: table for table in found}


def column(table: Table, title: str) -> dict[str, RankedEntry]:
    """Return a column of a table, by row."""
    at = table.columns.index(title)
    found = {}
    for name, row in table.rows.items():
        entry = row[at]
        assert isinstance(entry, RankedEntry)
        found[name] = entry
    return found


def marks(table: Table, title: str) -> dict[str, str]:
    """Return what marks the rows of a column: best, second, as_good."""
    names = ("best", "second", "as_good")
    return {
        row: " ".join(name for name in names if getattr(entry, name))
        for row, entry in column(table, title).items()
    }
