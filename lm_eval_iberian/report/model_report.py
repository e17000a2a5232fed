"""Form every average of every model, with all that must be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.average import (
    Average,
    about_average,
    about_minis,
    about_templates,
    about_weights,
    average_of,
)
from lm_eval_iberian.report.cell import Cell, cell_of, issues_of
from lm_eval_iberian.report.choice import Wanted
from lm_eval_iberian.report.collect import Gathered, collect
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.report_catalogue import Catalogue, load_catalogue
from lm_eval_iberian.report.result import Result
from lm_eval_iberian.terminal import first_of


_AT_MOST = 3


@dataclass(frozen=True)
class ModelReport:
    """What one model scored.

    Args:
        averages: By column; an optional one only if there is something to average.
        cells: By benchmark.
        issues: What a reader must know.
        others: Tasks in its files that are in no benchmark.
        minis: The cells of mini sets, by their ids; they count in no average.
    """

    averages: Mapping[str, Average]
    cells: Mapping[str, Cell]
    issues: tuple[Issue, ...] = ()
    others: tuple[str, ...] = ()
    minis: Mapping[str, Cell] = field(default_factory=dict)

    def cell(self, key: str) -> Cell | None:
        """Return the cell of a benchmark or of a mini set, ``None`` without one."""
        return self.cells.get(key) or self.minis.get(key)

    def every_cell(self) -> tuple[Cell, ...]:
        """Return the cells of benchmarks, then those of mini sets."""
        return (*self.cells.values(), *self.minis.values())


@dataclass(frozen=True)
class Report:
    """What all models scored.

    Args:
        catalogue: The benchmarks and averages.
        models: By name, in the order of the names.
        issues: Those of no model.
        inputs: The files that were read.
    """

    catalogue: Catalogue
    models: Mapping[str, ModelReport]
    issues: tuple[Issue, ...] = ()
    inputs: tuple[str, ...] = ()

    def all_issues(self) -> list[tuple[str, Issue]]:
        """Return every issue with the name of its model, ``""`` for none."""
        own = [("", issue) for issue in self.issues]
        return own + [(n, issue) for n, m in self.models.items() for issue in m.issues]


def build_report(
    paths: Iterable[Path],
    *,
    wanted: Wanted | None = None,
    renamed: Mapping[str, str] | None = None,
    keep_going: bool = False,
    catalogue: Catalogue | None = None,
    needed: bool = True,
) -> Report:
    """Return the report of the results under some folders.

    Args:
        paths: Folders with ``results_*.json`` at any depth, and files.
        wanted: Which results to take; left out, all, the paper's settings first.
        renamed: Models' names to use in the place of others.
        keep_going: Go on without files that cannot be used.
        catalogue: The benchmarks and averages; left out, the paper's.
        needed: Whether there is to be a result of some benchmark.

    Raises:
        DataError: A file cannot be used, or no result is of any benchmark.
    """
    catalogue = catalogue or load_catalogue()
    gathered = collect(paths, catalogue, renamed or {}, keep_going)
    wanted = wanted or Wanted()
    by_model: dict[str, list[Result]] = {name: [] for name in sorted(gathered.others)}
    for result in gathered.results:
        by_model[result.model].append(result)
    models = {
        name: _model(name, results, gathered, catalogue, wanted)
        for name, results in by_model.items()
    }
    if needed and not any(model.cells or model.minis for model in models.values()):
        raise DataError(_nothing(gathered, wanted))
    inputs = tuple(map(str, gathered.inputs))
    return Report(catalogue, models, tuple(gathered.issues.get("", ())), inputs)


def _model(
    name: str,
    results: Sequence[Result],
    gathered: Gathered,
    catalogue: Catalogue,
    wanted: Wanted,
) -> ModelReport:
    known = catalogue.by_task()
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(known[result.setting.task].id, []).append(result)
    cells: dict[str, Cell] = {}
    minis: dict[str, Cell] = {}
    issues = list(about_weights(results))
    for group, into in ((catalogue.benchmarks, cells), (catalogue.minis(), minis)):
        for key in (key for key in group if key in grouped):
            kind = catalogue.kind_of(group[key])
            cell, found = cell_of(grouped[key], group[key], kind, wanted)
            issues += found
            if cell is not None:
                into[key] = cell
                issues += issues_of(cell, kind, wanted)
    issues += about_minis(minis)
    # what one file lacks, another may have
    issues += (
        issue
        for issue in gathered.issues.get(name, ())
        if issue.kind not in ("subset", "metric")
        or issue.benchmark not in cells | minis
    )
    averages = _averages(cells, catalogue)
    for block in catalogue.blocks.values():
        for column in block.columns if not block.optional else ():
            issues += about_average(column, averages[column], cells, catalogue)
    if wanted.chat_template is None:
        issues += about_templates(cells, catalogue)
    others = tuple(sorted(gathered.others.get(name, ())))
    return ModelReport(averages, cells, tuple(issues), others, minis)


def _averages(cells: Mapping[str, Cell], catalogue: Catalogue) -> dict[str, Average]:
    found = {}
    for block in catalogue.blocks.values():
        for column, benchmarks in block.columns.items():
            average = average_of(cells, benchmarks, block.metric)
            if average.measures or not block.optional:
                found[column] = average
    return found


def _nothing(gathered: Gathered, wanted: Wanted) -> str:
    """Say why there is nothing to report."""
    if gathered.results:
        asked = [] if wanted.shots is None else [f"{wanted.shots} shots"]
        if wanted.chat_template is not None:
            asked.append(f"{'a' if wanted.chat_template else 'no'} chat template")
        return (
            f"no result with {' and '.join(asked)} among {len(gathered.results)}; "
            "ask for other settings"
        )
    told = [issue.text for issues in gathered.issues.values() for issue in issues]
    others = sorted({task for tasks in gathered.others.values() for task in tasks})
    text = "no result of any benchmark of the paper was found"
    if others:
        text += f"; tasks found: {', '.join(others[:10])}"
    return "; ".join([text, *told[:5]])


@dataclass(frozen=True)
class Note:
    """A line: the kind of issue, the model and benchmark it is about, what it says."""

    kind: str
    about: str
    text: str

    def line(self) -> str:
        """Return it as a terminal has it."""
        return ": ".join(filter(None, (self.kind, self.about, self.text)))


def notes_of(report: Report, more: str = "likewise, in full in JSON") -> Iterator[Note]:
    """Yield the issues, of many benchmarks of a model, or many models, the first.

    Args:
        report: The report.
        more: What comes before the names of the others.
    """
    groups: dict[tuple[str, str], list[Issue]] = {}
    for model, issue in report.all_issues():
        about = issue.kind if issue.benchmark else issue.text
        groups.setdefault((model, about), []).append(issue)
    # what is said of many models in the same words is said once
    said: dict[tuple[str, str, str], list[str]] = {}
    for (model, _), issues in groups.items():
        alone = issues if len(issues) <= _AT_MOST else issues[:1]
        for issue in alone:
            rest = dict.fromkeys(i.benchmark for i in issues[len(alone) :])
            names = ", ".join(name for name in rest if name)
            others = f"; {more}: {names}" if names else ""
            key = (issue.kind, issue.benchmark or "", issue.text + others)
            said.setdefault(key, []).append(model)
    for (kind, benchmark, text), models in said.items():
        each = models if len(models) <= _AT_MOST else [first_of(models, _AT_MOST)]
        for about in each:
            yield Note(kind, ", ".join(filter(None, (about, benchmark))), text)
