"""A model that takes part in a comparison, and what a sweep says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lm_eval_iberian.report.model_report import ModelReport, Report
from lm_eval_iberian.report.report_catalogue import Catalogue, Kind
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.sweep_results import SWEEP_FILE, SweptModel, find_sweeps


_BASELINES = ("base", "instruct", "expert")


@dataclass(frozen=True)
class Subject:
    """A model as it is compared: what it is called, and what it scored.

    Args:
        name: What it is called here; no two subjects share a name.
        model: What it scored.
        about: What else is known of it, to sort and filter by: ``role`` (``merge``,
            ``base``, ``instruct``, ``expert``), ``method``, ``languages`` (``eu gl``),
            and the values that a sweep sets, by their names. Empty outside of sweeps.
    """

    name: str
    model: ModelReport
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """Its role in a sweep, empty outside of sweeps."""
        return self.about.get("role", "")

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it is for in a sweep, none outside of sweeps."""
        return tuple(self.about.get("languages", "").split())


def role_place(role: str) -> int:
    """Return where models of a role stand: baselines first, as in the paper."""
    return _BASELINES.index(role) if role in _BASELINES else len(_BASELINES)


def subjects_of(report: Report) -> list[Subject]:
    """Return every model of a report that has a result, in the order of their names."""
    known = _swept(map(Path, report.inputs), report.catalogue)
    return [
        Subject(name, model, _about(model, known))
        for name, model in report.models.items()
        if model.cells or model.minis
    ]


def _swept(inputs: Iterable[Path], catalogue: Catalogue) -> dict[Path, SweptModel]:
    """Return what each results file of a sweep is of."""
    folders = dict.fromkeys(
        place
        for file in inputs
        for place in file.absolute().parents[:3]
        if (place / SWEEP_FILE).is_file()
    )
    return {
        cell.file.path.resolve(): model
        for folder in folders
        for sweep in find_sweeps([folder], catalogue, {}, keep_going=True)
        for model in sweep.models
        for cell in model.cells
        if cell.file is not None
    }


def _about(model: ModelReport, known: Mapping[Path, SweptModel]) -> dict[str, str]:
    for cell in model.every_cell():
        for result in cell.results:
            swept = known.get(result.path.resolve()) if result.path else None
            if swept is not None:
                fixed = {
                    "role": swept.role,
                    "method": swept.method,
                    "languages": " ".join(swept.languages),
                }
                return dict(swept.values) | {k: v for k, v in fixed.items() if v}
    return {}


def catalogue_of_tasks(
    catalogue: Catalogue, asked: Mapping[str, tuple[str, str]]
) -> Catalogue:
    """Return a catalogue whose benchmarks are tasks of which nothing else is known.

    A sweep may be told by any number that lm-eval wrote.

    Args:
        catalogue: For all else.
        asked: The language and the metric of every task.
    """
    return replace(
        catalogue,
        kinds={
            metric: Kind((metric,), shots=0, chat_template=True, runs=True)
            for _, metric in asked.values()
        },
        benchmarks={
            task: ReportedBenchmark(task, task, lang, kind=metric, tasks=(task,))
            for task, (lang, metric) in asked.items()
        },
        blocks={},
    )
