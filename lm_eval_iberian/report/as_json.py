"""A report as JSON: every value, and what it was had from."""

from __future__ import annotations

import json
from typing import Any

from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.model_report import ModelReport, Report
from lm_eval_iberian.report.report_catalogue import Catalogue


def as_json(report: Report) -> str:
    """Return models, averages, benchmarks and issues as one object.

    ``value`` has two decimals, ``exact`` all of them.
    """
    content = {
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
            name: _average(average, catalogue)
            for name, average in model.averages.items()
        },
        "benchmarks": {name: _cell(cell) for name, cell in model.cells.items()},
        "mini": {name: _cell(cell) for name, cell in model.minis.items()},
        "issues": [_issue(issue) for issue in model.issues],
        "other_tasks": list(model.others),
    }


def _average(average: Average, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "value": _two(average.value),
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


def _cell(cell: Cell) -> dict[str, Any]:
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
        "value": _two(measure.value),
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


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
