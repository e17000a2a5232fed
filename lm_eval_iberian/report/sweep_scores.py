"""What is read off every model of a sweep: averages, benchmarks, a task's metric.

A score is named as the report's tables name it, with a place for the language:
``{LANG}`` is the average of the language's benchmarks, ``IFEval {LANG}`` that of
IFEval, ``ifeval_{lang}_mini`` a benchmark, and ``TASK:METRIC`` any other number that
lm-eval wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.measure import Measure, measures_of, over_runs
from lm_eval_iberian.report.model_report import ModelReport, Report
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.report.sweep_results import PlannedCell, SweepResults, SweptModel
from lm_eval_iberian.report.table_entries import Source
from lm_eval_iberian.report.tables import average_entry, is_marked
from lm_eval_iberian.terminal import shown


@dataclass(frozen=True)
class ScoreName:
    """The name of a score, with ``{lang}`` and ``{LANG}`` where the language goes.

    Args:
        pattern: The name.
        title: What a table calls it; left out, the name.
    """

    pattern: str
    title: str = ""

    def of(self, lang: str) -> str:
        """Return the name in a language."""
        return self.pattern.replace("{lang}", lang).replace("{LANG}", lang.upper())

    @property
    def header(self) -> str:
        """What it is called, whatever the language."""
        return self.title or self.pattern


def score_name(text: str) -> ScoreName:
    """Read ``NAME`` or ``NAME=TITLE``."""
    pattern, _, title = text.partition("=")
    return ScoreName(pattern.strip(), title.strip())


@dataclass(frozen=True)
class Score:
    """A model's value by a name.

    Args:
        measure: The value; ``None`` where it cannot be told.
        metric: Of which metric it is.
        marked: Whether a note says that it is not as in the paper.
        why: Why there is none.
        lacking: The cells whose results are missing for it.
        source: Whose value it is and of what, where that can be asked about.
    """

    measure: Measure | None
    metric: Metric
    marked: bool = False
    why: str = ""
    lacking: tuple[str, ...] = ()
    source: Source | None = None


class SweepScores:
    """Reads scores off a sweep.

    Args:
        sweep: The sweep.
        report: What its results come to.
    """

    def __init__(self, sweep: SweepResults, report: Report) -> None:
        self.sweep, self.report = sweep, report
        self._seen: dict[tuple[str, str, str], Score] = {}

    def score(self, model: SweptModel, name: ScoreName, lang: str) -> Score:
        """Return a model's score in a language.

        Raises:
            UnknownNameError: There is no such score.
            DataError: Several suites of the sweep have the task.
        """
        key = (model.subject, name.of(lang), lang)
        if key not in self._seen:
            self._seen[key] = self._score(model, name.of(lang), lang)
        return self._seen[key]

    def _score(self, model: SweptModel, name: str, lang: str) -> Score:
        catalogue = self.report.catalogue
        columns = catalogue.columns()
        if name in columns:
            metric = catalogue.metrics[columns[name].metric]
            return self._average(model, name, lang, metric)
        if name.partition(":")[0] in catalogue.every():
            key, _, wanted = name.partition(":")
            return self._benchmark(model, key, wanted, lang)
        task, sign, wanted = name.partition(":")
        if not sign:
            raise UnknownNameError("score", name, [*columns, *catalogue.every()])
        return self._task(model, task, wanted, lang)

    def _average(
        self, model: SweptModel, name: str, lang: str, metric: Metric
    ) -> Score:
        found = self._report_of(model)
        average = found.averages.get(name) if found else None
        if found is None or average is None or not average.measures:
            return self._nothing(model, metric, f"no result of {name}", lang)
        cells = [found.cells[key] for key in average.measures]
        if average.missing:
            benchmarks = self.report.catalogue.benchmarks
            names = ", ".join(benchmarks[key].name for key in average.missing)
            return self._nothing(model, metric, f"{name} lacks {names}", lang)
        entry = average_entry(found, name)
        source = Source(model.called, name)
        score = Score(entry.measure, metric, entry.marked, source=source)
        return self._whole(model, cells, score)

    def _benchmark(self, model: SweptModel, key: str, metric: str, lang: str) -> Score:
        catalogue = self.report.catalogue
        benchmark = catalogue.every()[key]
        metrics = catalogue.kind_of(benchmark).metrics
        metric = metric or metrics[0]
        if metric not in metrics:
            raise UnknownNameError(f"metric of {key}", metric, metrics)
        about = catalogue.metrics[metric]
        found = self._report_of(model)
        cell = found.cell(key) if found else None
        measure = cell.measures.get(metric) if cell else None
        if found is None or cell is None or measure is None:
            return self._nothing(model, about, f"no {metric} of {key}", lang)
        source = Source(model.called, key, metric)
        score = Score(measure, about, is_marked(found, key), source=source)
        return self._whole(model, [cell], score)

    def _task(self, model: SweptModel, task: str, metric: str, lang: str) -> Score:
        """Return what lm-eval wrote of a task, over all runs of its suite."""
        catalogue = self.report.catalogue
        if metric not in catalogue.metrics:
            raise UnknownNameError("metric", metric, catalogue.metrics)
        if task not in self._tasks:
            raise UnknownNameError("task of the sweep", task, self._tasks)
        about, wanted = catalogue.metrics[metric], (metric,)
        values = {
            (cell.suite, cell.group, cell.run): found[metric]
            for cell in model.cells
            if cell.file is not None and task in cell.file.results
            if (found := measures_of(cell.file, task, wanted, catalogue.metrics))
        }
        if not values:
            return self._nothing(model, about, f"no {metric} of {task}", lang)
        suites = sorted({f"{suite}-{group}" for suite, group, _ in values})
        if len(suites) > 1:
            raise DataError(
                f"{task} is evaluated by several suites of {self.sweep.path},"
                f" {', '.join(suites)}; which of them is meant cannot be said"
            )
        runs = [{metric: one} for one in values.values()]
        measure = runs[0][metric] if len(runs) == 1 else over_runs(runs)[metric]
        having = [c for c in model.cells if (c.suite, c.group, c.run) in values]
        return _without_gaps(model, having, Score(measure, about))

    @cached_property
    def _tasks(self) -> list[str]:
        found: dict[str, None] = {}
        for cell in self.sweep.cells:
            found |= dict.fromkeys(cell.tasks)
            if cell.file is not None:
                found |= dict.fromkeys(filter(cell.file.is_task, cell.file.results))
        return list(found)

    @cached_property
    def _by_file(self) -> dict[str, PlannedCell]:
        return {
            shown(str(cell.file.path.resolve())): cell
            for cell in self.sweep.cells
            if cell.file is not None
        }

    def _report_of(self, model: SweptModel) -> ModelReport | None:
        return self.report.models.get(model.called)

    def _whole(self, model: SweptModel, cells: Sequence[Cell], score: Score) -> Score:
        files = {result.file for cell in cells for result in cell.results}
        places = (shown(str(Path(file).resolve())) for file in files)
        having = [self._by_file[one] for one in places if one in self._by_file]
        return _without_gaps(model, having, score)

    def _nothing(self, model: SweptModel, metric: Metric, why: str, lang: str) -> Score:
        return Score(None, metric, why=why, lacking=tuple(model.lacking(lang)))


def _without_gaps(
    model: SweptModel, having: Sequence[PlannedCell], score: Score
) -> Score:
    """Return a score, or none where a run of what it is of has no result yet."""
    suites = {(cell.suite, cell.group) for cell in having}
    lacking = tuple(
        cell.id
        for cell in model.cells
        if cell.file is None and (cell.suite, cell.group) in suites
    )
    if not lacking:
        return score
    why = f"{_runs(model, suites)} have a result"
    return Score(None, score.metric, score.marked, why, lacking)


def _runs(model: SweptModel, suites: set[tuple[str, str]]) -> str:
    of = [cell for cell in model.cells if (cell.suite, cell.group) in suites]
    return f"{sum(cell.file is not None for cell in of)} of {len(of)} runs"
