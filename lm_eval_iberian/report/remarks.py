"""What must be said about a model's averages beside their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.result import Result
from lm_eval_iberian.report.setting import said


# the settings that an average's benchmarks must share
_COMPARED = {
    "shots": "shots",
    "chat_template": "chat template",
    "multiturn": "few-shot as turns",
    "system": "system instruction",
}


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
