"""Methods at equal gains as data: JSON, all there is, and CSV, a row for each pair."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from lm_eval_iberian.comparison.comparison_data import csv_with_intervals
from lm_eval_iberian.frontier.equal_gain import (
    EqualGainRow,
    FrontierReport,
    GainReading,
    MethodReading,
)
from lm_eval_iberian.frontier.frontier_text import notes_of_frontier


def as_frontier_json(report: FrontierReport) -> str:
    """Return differences, curves and notes as one object; unknown values are null."""
    asked = report.read.asked
    content = {
        "comparisons": [_row_object(row) for row in report.rows],
        "family": report.tested,
        "language_score": asked.language.pattern,
        "following": asked.following.pattern,
        "at": list(asked.at),
        "sweeps": list(map(str, report.read.sweeps)),
        "runs": report.seeds,
        "languages": {
            lang: {
                "instruct": first,
                "expert": last,
                "instruct_following": report.instructs[lang],
            }
            for lang, (first, last) in report.gains.items()
        },
        "methods": [_method_object(one) for one in report.methods],
        "notes": list(map(asdict, notes_of_frontier(report))),
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _row_object(row: EqualGainRow) -> dict[str, Any]:
    found = row.found
    return {
        "lang": row.lang,
        "a": row.a,
        "b": row.b,
        "gain": "mean" if row.at is None else row.at,
        "from": None if row.over is None else row.over[0],
        "to": None if row.over is None else row.over[1],
        "a_value": row.a_value,
        "b_value": row.b_value,
        "difference": row.difference,
        "ci95": [found.low, found.high],
        "stderr": found.stderr,
        "p": found.p,
        "p_holm": row.p_holm,
        "why": found.why,
    }


def _method_object(one: MethodReading) -> dict[str, Any]:
    return {
        "lang": one.lang,
        "method": one.name,
        "parameter": one.parameter,
        "points": one.merges,
        "reaches": list(one.reaches),
        "at": [None if found is None else _reading_object(found) for found in one.at],
        "curves": [
            [{"gain": gain, "following": score} for gain, score in points]
            for points in one.points
        ],
    }


def _reading_object(one: GainReading) -> dict[str, Any]:
    return {
        "gain": one.at,
        "value": one.value,
        "ci95": [one.found.low, one.found.high],
        "why": one.found.why,
    }


def as_frontier_csv(report: FrontierReport) -> str:
    """Return a row for each difference below a header; what is not known is empty."""
    return csv_with_intervals(
        [_row_object(row) for row in report.rows], before="stderr"
    )
