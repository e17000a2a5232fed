"""An audit as data: CSV, a row for each number, and JSON, all there is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from lm_eval_iberian.audit.auditing import Audit
from lm_eval_iberian.audit.file_audit import FileAudit, Rate
from lm_eval_iberian.report.as_data import csv_cell
from lm_eval_iberian.terminal import shown


AUDIT_HEADER: Final = (
    "answers_of", "file", "task", "lang", "table", "name", "scoring", "value", "stderr",
    "n", "stored_pass_ours_fail", "stored_fail_ours_pass", "as_original", "row",
    "stored", "ours", "reason", "original_reason", "excerpt",
)  # fmt: skip
CsvRow = dict[str, object]


def audit_as_csv(audit: Audit, *, rows: bool = False) -> str:
    """Return an audit as CSV; what does not belong to a row is empty there.

    Args:
        audit: What was found.
        rows: A row for each flagged answer and each verdict that differs, too.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, AUDIT_HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    for name, file in audit.files.items():
        start = {
            "answers_of": name,
            "file": shown(file.path),
            "task": file.origin.task,
            "lang": file.origin.lang or "",
        }
        for row in (*_numbers(file), *(_each(file) if rows else ())):
            writer.writerow({k: csv_cell(v) for k, v in (start | row).items()})
    return out.getvalue()


def _numbers(file: FileAudit) -> Iterator[CsvRow]:
    for name, rate in file.health.items():
        yield {"table": "health", "name": name, **_rate(rate)}
    for scoring, found in file.scores.items():
        for name, rate in found.items():
            start = {"table": "ifeval", "name": name, "scoring": scoring}
            yield start | _rate(rate)
    for kind, types in file.comparison.counts.items() if file.comparison else ():
        for name, count in types.items():
            yield {
                "table": f"verdicts_{kind}",
                "name": name,
                "n": count.compared,
                "stored_pass_ours_fail": count.only_stored,
                "stored_fail_ours_pass": count.only_ours,
                "as_original": count.as_original,
            }


def _each(file: FileAudit) -> Iterator[CsvRow]:
    for found in file.flagged:
        for name, reason in found.reasons.items():
            yield {
                "table": "flagged",
                "name": name,
                "row": found.name,
                "reason": reason,
                "excerpt": found.excerpt,
            }
    for one in file.comparison.differences if file.comparison else ():
        yield {
            "table": f"differs_{one.kind}",
            "name": one.instruction_id,
            "row": one.name,
            "stored": _said(one.stored),
            "ours": _said(not one.stored),
            "reason": one.reason,
            "original_reason": one.original_reason,
            "excerpt": one.excerpt,
        }


def _rate(rate: Rate) -> CsvRow:
    return {
        "value": "" if rate.value is None else rate.value,
        "stderr": "" if rate.stderr is None else rate.stderr,
        "n": rate.n,
    }


def _said(passed: bool) -> str:
    return "pass" if passed else "fail"


def audit_as_json(audit: Audit, *, rows: bool = False) -> str:
    """Return an audit as one JSON object; its rows are always there.

    Args:
        audit: What was found.
        rows: Of no effect.
    """
    content = {
        "files": {name: _file(file) for name, file in audit.files.items()},
        "left_out": list(audit.left_out),
        "notes": list(audit.notes),
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _file(file: FileAudit) -> dict[str, Any]:
    comparison = file.comparison
    return {
        "file": shown(file.path),
        "model": file.origin.model,
        "task": file.origin.task or None,
        "lang": file.origin.lang,
        "lang_told_by": file.origin.told_by,
        "answers": file.answers,
        "prompts": file.asked,
        "health": {name: asdict(rate) for name, rate in file.health.items()},
        "scores": {
            scoring: {name: asdict(rate) for name, rate in found.items()}
            for scoring, found in file.scores.items()
        },
        "verdicts": comparison
        and {
            kind: {name: asdict(count) for name, count in types.items()}
            for kind, types in comparison.counts.items()
        },
        "differences": [asdict(one) for one in comparison.differences]
        if comparison
        else [],
        "flagged": [asdict(one) for one in file.flagged],
        "notes": list(file.notes),
    }
