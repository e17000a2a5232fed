"""What a model scored on a benchmark: one result, several runs, or many parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lm_eval_iberian.report.choice import Choice, Wanted, choose, standing
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.measure import Measure, micro, over_runs
from lm_eval_iberian.report.report_catalogue import Kind
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Result, Setting


# in per cent; what is said of it
_OFTEN: Final = 5.0
_SAME: Final = 0.005
_STOPS: Final = {"run_on_rate": "run on", "no_stop_rate": "were cut off"}


@dataclass(frozen=True)
class Cell:
    """A benchmark's values for one model, and what they were had from.

    Args:
        benchmark: Which one.
        metric: The metric that counts.
        measures: Values by metric; without that one, the cell has no value.
        results: The results that count, newest first.
        n: How many items were scored.
        missing: Parts that no result was found for.
    """

    benchmark: ReportedBenchmark
    metric: str
    measures: Mapping[str, Measure]
    results: tuple[Result, ...]
    n: int | None
    missing: tuple[str, ...] = ()

    def settings(self) -> list[Setting]:
        """Return the settings of its results, each once."""
        return list(dict.fromkeys(result.setting for result in self.results))

    def limited(self) -> bool:
        """Return whether some result is on some of the items only."""
        return any(setting.limit is not None for setting in self.settings())


def cell_of(
    results: Sequence[Result], benchmark: ReportedBenchmark, kind: Kind, wanted: Wanted
) -> tuple[Cell | None, list[Issue]]:
    """Return a model's cell of a benchmark, ``None`` without any result.

    Args:
        results: The model's results of the benchmark.
        benchmark: Which one.
        kind: How it is run.
        wanted: Which results to take.
    """
    tasks = (*benchmark.tasks, *(benchmark.subset.tasks if benchmark.subset else ()))
    whole = choose(
        (r for r in results if r.setting.task in tasks),
        kind, tasks, wanted, benchmark,
    )  # fmt: skip
    parts = {
        part: choose(
            (r for r in results if r.setting.task in benchmark.tasks_of(part)),
            kind, benchmark.tasks_of(part), wanted, benchmark,
        )
        for part in benchmark.parts
    }  # fmt: skip
    there = [choice.results[0] for choice in parts.values() if choice.results]
    if not there:
        return _whole(whole, benchmark, kind), list(whole.issues)
    parted, issues = _parted(parts, benchmark, kind)
    if not whole.results:
        return parted, issues
    first = whole.results[0]
    worst = max(standing(r.setting, kind, wanted) for r in there)
    better = bool(parted.missing) or standing(first.setting, kind, wanted) < worst
    text = (
        f"there are results of {first.setting.task} and of its parts; the "
        f"{'former counts' if better else 'latter count'}"
    )
    files = tuple(dict.fromkeys(r.file for r in (first, *there)))
    both = Issue("conflict", text, benchmark.id, files)
    if better:
        return _whole(whole, benchmark, kind), [*whole.issues, both]
    return parted, [*issues, both]


def _whole(choice: Choice, benchmark: ReportedBenchmark, kind: Kind) -> Cell | None:
    """Return the cell of one result, or the mean over runs."""
    results = choice.results
    if not results:
        return None
    n = results[0].n
    if len(results) == 1:
        measures = results[0].measures
    else:
        measures = over_runs([result.measures for result in results])
    return Cell(benchmark, kind.metrics[0], measures, results, n)


def _parted(
    parts: Mapping[str, Choice], benchmark: ReportedBenchmark, kind: Kind
) -> tuple[Cell, list[Issue]]:
    """Return the cell of a benchmark in parts: the mean over the items of all."""
    chosen = {p: choice.results[0] for p, choice in parts.items() if choice.results}
    missing = tuple(part for part in parts if part not in chosen)
    weights = {p: result.n or benchmark.parts[p] for p, result in chosen.items()}
    measures = {
        name: micro([(r.measures[name], weights[p]) for p, r in chosen.items()])
        for name in kind.metrics
        if not missing and all(name in r.measures for r in chosen.values())
    }
    results = tuple(chosen.values())
    n = sum(weights.values())
    cell = Cell(benchmark, kind.metrics[0], measures, results, n, missing)
    issues = _condensed(issue for choice in parts.values() for issue in choice.issues)
    if missing:
        text = (
            f"{benchmark.name} has {len(chosen)} of {len(parts)} parts, and no value; "
            f"missing: {', '.join(missing)}"
        )
        issues.append(Issue("incomplete", text, benchmark.id))
    return cell, issues


def _condensed(issues: Iterable[Issue]) -> list[Issue]:
    """Return one issue for those of all parts on the same files."""
    groups: dict[tuple[str, tuple[str, ...]], list[Issue]] = {}
    for issue in issues:
        groups.setdefault((issue.kind, issue.files), []).append(issue)
    return [
        replace(same[0], text=f"{same[0].text}{_more(len(same), 'parts')}")
        for same in groups.values()
    ]


def issues_of(cell: Cell, kind: Kind, wanted: Wanted) -> Iterable[Issue]:
    """Yield what sets a cell apart from the paper's."""
    name, files = cell.benchmark.id, tuple(dict.fromkeys(r.file for r in cell.results))
    yield from _about_stops(cell, files)
    limited = [s for s in cell.settings() if s.limit is not None]
    if limited:
        text = f"{limited[0].task} was scored on {limited[0].limit}, not on every item"
        yield Issue("limit", text + _more(len(limited), "tasks"), name, files)
    shots = wanted.shots_of(kind)
    other = [s for s in cell.settings() if s.shots not in (None, shots)]
    if other:
        text = f"{other[0].task} was run with {other[0].shots} shots, not with {shots}"
        yield Issue("settings", text + _more(len(other), "tasks"), name, files)
    items = cell.benchmark.items
    whole = not limited and not cell.missing
    if items is not None and cell.n is not None and cell.n != items and whole:
        text = f"{cell.benchmark.name} has {cell.n} items here, the paper's {items}"
        yield Issue("items", text, name, files)


def _about_stops(cell: Cell, files: tuple[str, ...]) -> Iterable[Issue]:
    """Yield an issue if more than one answer in twenty does not stop."""
    said = [
        f"{found.value:.1f} % of the answers {what}"
        for name, what in _STOPS.items()
        if (found := cell.measures.get(name)) is not None and found.value > _OFTEN
    ]
    if said:
        first = cell.measures.get("inst_level_strict_acc_first_turn")
        whole = cell.measures.get("inst_level_strict_acc")
        text = " and ".join(said)
        if first is None or whole is None:
            text += ": a part of its loss may be that it does not stop"
        elif abs(first.value - whole.value) < _SAME:
            text += f"; the first turn alone scores the same ({whole.value:.2f})"
        else:
            text += (
                ": a part of its loss may be that it does not stop (first turn alone"
                f" {first.value:.2f}, whole {whole.value:.2f})"
            )
        yield Issue("stops", text, cell.benchmark.id, files)


def _more(count: int, what: str) -> str:
    return f" (and so {count - 1} more {what})" if count > 1 else ""
