"""Tables with intervals as files: Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval_iberian.paper_tables.fitted_latex import tables_as_latex
from lm_eval_iberian.paper_tables.table_ranks import RankedEntry
from lm_eval_iberian.report.as_data import csv_cell
from lm_eval_iberian.report.as_tables import tables_as_markdown
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.sweep_report import SweepReport
from lm_eval_iberian.report.table_entries import Entry, Table


TABLE_HEADER = (
    "table", "row", "column", "model", "score", "metric", "value", "exact", "low",
    "high", "stderr", "method", "n", "clusters", "sd", "runs", "best", "second",
    "as_good", "against", "p", "p_holm", "untested", "marked", "text",
)  # fmt: skip


def tables_as_csv(tables: Sequence[Table]) -> str:
    """Return a row for every entry; what is not there is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, TABLE_HEADER, lineterminator="\n")
    writer.writeheader()
    for table in tables:
        for name, row in table.rows.items():
            for column, entry in zip(table.columns, row, strict=True):
                place = {"table": table.title, "row": name, "column": column}
                runs = {"runs": len(entry.measure.runs) if entry.measure else 0}
                found = place | entry_object(entry) | runs
                writer.writerow({name: csv_cell(one) for name, one in found.items()})
    return out.getvalue()


def tables_as_json(tables: Sequence[Table]) -> str:
    """Return the tables as one object, with all that is known of each entry."""
    content = {"tables": list(map(table_object, tables))}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def table_object(table: Table) -> dict[str, Any]:
    """Return a table as JSON holds it."""
    return {
        "title": table.title,
        "columns": list(table.columns),
        "foot": list(table.foot),
        "rows": [
            {"name": name, "entries": [entry_object(entry) for entry in row]}
            for name, row in table.rows.items()
        ],
    }


def entry_object(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON holds it; ``value`` has two decimals, ``exact`` all."""
    measure, source = entry.measure, entry.source
    of = entry if isinstance(entry, RankedEntry) else RankedEntry(measure)
    low, high = entry.interval or (None, None)
    estimate, row = of.estimate, of.row
    return {
        "model": source and source.model,
        "score": source and source.score,
        "metric": source and source.metric,
        "value": measure and round(measure.value, 2),
        "exact": measure and measure.value,
        "low": low,
        "high": high,
        "stderr": estimate and estimate.stderr,
        "method": estimate and estimate.method,
        "n": estimate and estimate.n,
        "clusters": estimate and estimate.clusters,
        "sd": measure and measure.sd,
        "runs": list(measure.runs) if measure else [],
        "best": entry.best,
        "second": entry.second,
        "as_good": entry.as_good,
        "against": row and row.a,
        "p": row and row.difference.p,
        "p_holm": row and row.p_holm,
        "untested": of.untested,
        "marked": entry.marked,
        "text": entry.text,
    }


_Written = Callable[[Sequence[Table], Report, Sequence[SweepReport]], str]
# by the name of the file
TABLE_FILES: dict[str, _Written] = {
    "tables.md": tables_as_markdown,
    "tables.tex": lambda tables, report, sweeps: tables_as_latex(tables),
    "tables.csv": lambda tables, report, sweeps: tables_as_csv(tables),
    "tables.json": lambda tables, report, sweeps: tables_as_json(tables),
}
