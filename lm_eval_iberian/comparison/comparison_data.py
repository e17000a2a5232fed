"""A comparison as data: JSON, all there is, and CSV, a row for each comparison."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lm_eval_iberian.comparison.comparing import ComparisonReport
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.report.as_data import csv_cell


def as_comparison_json(report: ComparisonReport) -> str:
    """Return the comparisons, the models and the notes as one object.

    What is not known is ``null``, and ``why`` says why.
    """
    content = {
        "comparisons": [row_object(row) for row in report.rows],
        "baseline": report.baseline,
        "family": sum(row.difference.p is not None for row in report.rows),
        "models": {
            name: dict(subject.about)
            for name, subject in report.comparer.subjects.items()
        },
        "notes": list(map(asdict, report.notes)),
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def row_object(row: ComparisonRow) -> dict[str, Any]:
    """Return all that a comparison says."""
    found = row.difference
    return {
        "a": row.a,
        "b": row.b,
        "benchmark": row.benchmark,
        "metric": row.metric,
        "paired": found.paired,
        "n": found.n,
        "clusters": found.clusters,
        "a_value": _number(found.a_value),
        "b_value": _number(found.b_value),
        "difference": _number(found.difference),
        "ci95": [_number(found.low), _number(found.high)],
        "p": _number(found.p),
        "p_holm": _number(row.p_holm),
        "gained": found.gained,
        "lost": found.lost,
        "detectable": _number(found.detectable),
        "level": row.level,
        "lang": row.lang,
        "title": row.title,
        "method": found.method,
        "stderr": _number(found.stderr),
        "correlation": _number(found.correlation),
        "gained_by_chance": _number(found.gained_by_chance),
        "lost_by_chance": _number(found.lost_by_chance),
        "why": "; ".join(filter(None, (row.note, found.why))),
        "mixed": row.mixed,
    }


def _number(value: float | None) -> float | None:
    """Return a number that JSON has: neither NaN nor infinite."""
    return value if value is not None and math.isfinite(value) else None


def as_comparison_csv(report: ComparisonReport) -> str:
    """Return a row for each comparison below a header; what is not known is empty."""
    return csv_with_intervals([row_object(row) for row in report.rows], before="p")


def csv_with_intervals(rows: Sequence[dict[str, Any]], *, before: str) -> str:
    """Return rows below a header, ``ci95`` as two columns before the one named."""
    out = io.StringIO()
    flat = [_flat(row, before) for row in rows]
    writer = csv.DictWriter(out, flat[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(row: dict[str, Any], before: str) -> dict[str, object]:
    low, high = row.pop("ci95")
    found: dict[str, object] = {}
    for name, value in row.items():
        if name == before:
            found |= {"ci95_low": low, "ci95_high": high}
        found[name] = csv_cell(value)
    return found
