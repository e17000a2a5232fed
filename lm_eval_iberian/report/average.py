"""The mean over benchmarks, every one of them or none, and what must be said of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.result import Result, said


# the settings that an average's benchmarks must share
_COMPARED = {
    "shots": "shots",
    "chat_template": "chat template",
    "multiturn": "few-shot as turns",
    "system": "system instruction",
}


@dataclass(frozen=True)
class Average:
    """The mean of some benchmarks, each of equal weight.

    Args:
        metric: Of which metric.
        measures: The value of each benchmark that has one, by id.
        missing: The ids of those that have none.
        limited: Whether some value is of a part of the items.
    """

    metric: str
    measures: Mapping[str, Measure]
    missing: tuple[str, ...] = ()
    limited: bool = False

    @property
    def complete(self) -> bool:
        """Whether every benchmark has a value."""
        return not self.missing

    @property
    def value(self) -> float | None:
        """The mean, ``None`` unless it is complete."""
        return mean(self._values()) if self.complete else None

    @property
    def partial(self) -> float | None:
        """The mean of those that are there; not the average, unless it is complete."""
        return mean(self._values()) if self.measures else None

    @property
    def stderr(self) -> float | None:
        """The standard error over items, benchmarks taken as independent."""
        errors = [m.stderr for m in self.measures.values() if m.stderr is not None]
        if not self.complete or len(errors) < len(self.measures):
            return None
        return math.sqrt(math.fsum(error**2 for error in errors)) / len(errors)

    @property
    def sd(self) -> float | None:
        """The standard deviation over runs, where it is of one benchmark."""
        only = list(self.measures.values())
        return only[0].sd if len(only) == 1 and self.complete else None

    @property
    def runs(self) -> int:
        """The number of runs, where it is of one benchmark."""
        only = list(self.measures.values())
        return max(1, len(only[0].runs)) if len(only) == 1 else 1

    def _values(self) -> list[float]:
        return [measure.value for measure in self.measures.values()]


def mean(values: Sequence[float]) -> float:
    """Return the mean; of equal values, the value itself."""
    return math.fsum(values) / len(values)


def average_of(
    cells: Mapping[str, Cell], benchmarks: Sequence[str], metric: str
) -> Average:
    """Return the average of a metric over benchmarks.

    Args:
        cells: A model's cells by benchmark.
        benchmarks: The ids of those to average.
        metric: Which of their values.
    """
    there = [i for i in benchmarks if i in cells and metric in cells[i].measures]
    return Average(
        metric=metric,
        measures={i: cells[i].measures[metric] for i in there},
        missing=tuple(i for i in benchmarks if i not in there),
        limited=any(cells[i].limited() for i in there),
    )


def about_average(
    column: str, average: Average, cells: Mapping[str, Cell], catalogue: Catalogue
) -> Iterable[Issue]:
    """Yield what an average lacks, and what is different within it."""
    if average.missing and average.measures:
        of = len(average.missing) + len(average.measures)
        names = ", ".join(catalogue.benchmarks[key].name for key in average.missing)
        text = (
            f"{column} has no value: {len(average.measures)} of {of} benchmarks are "
            f"there (their mean, which is not the average: {average.partial:.2f}); "
            f"missing: {names}"
        )
        yield Issue("incomplete", text)
    for what, title in _COMPARED.items():
        groups: dict[str, list[str]] = {}
        for key in average.measures:
            for value in {getattr(s, what) for s in cells[key].settings()}:
                groups.setdefault(said(value), []).append(key)
        if len(groups) > 1:
            told = "; ".join(f"{v}: {', '.join(n)}" for v, n in sorted(groups.items()))
            text = f"{column} mixes results that differ in {title}: {told}"
            yield Issue("mixed", text)


def about_templates(cells: Mapping[str, Cell], catalogue: Catalogue) -> Iterable[Issue]:
    """Yield an issue if benchmarks have a chat template where the paper has none."""
    found = [
        key
        for key, cell in cells.items()
        if not catalogue.kind_of(cell.benchmark).chat_template
        and any(setting.chat_template is not None for setting in cell.settings())
    ]
    if found:
        text = (
            f"{len(found)} benchmarks were run with a chat template, which the paper "
            f"most likely did without: {', '.join(found)}"
        )
        yield Issue("settings", text)


def about_minis(minis: Mapping[str, Cell]) -> Iterable[Issue]:
    """Yield an issue for each result that is of a mini set."""
    for key, cell in minis.items():
        count = "" if cell.n is None else f", {cell.n} items were scored"
        text = (
            f"{cell.results[0].setting.task} is a small set of its own, not the "
            f"paper's benchmark{count}; it is in no average"
        )
        yield Issue("mini", text, key, tuple(r.file for r in cell.results))


def about_weights(results: Sequence[Result]) -> Iterable[Issue]:
    """Yield an issue if the files are of several commits of the weights."""
    commits: dict[str, list[str]] = {}
    for result in results:
        if result.sha is not None:
            commits.setdefault(result.sha, []).append(result.file)
    if len(commits) > 1:
        said = "; ".join(
            f"{sha[:12]}: {len(set(files))} files" for sha, files in commits.items()
        )
        text = f"its files are of {len(commits)} commits of the model ({said})"
        yield Issue("model", text)
