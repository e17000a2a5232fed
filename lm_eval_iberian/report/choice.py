"""Choose among results of one benchmark that are not one experiment.

The rule: first come results on every item, then the shots asked for, then with or
without a chat template as the paper, then without a system instruction, then the task
name that the catalogue lists first, then more runs; the newest file decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.report_catalogue import Kind
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Result, Setting


_RULES = (
    "a result on every item comes before one with --limit",
    "the shots decide: {shots} are wanted",
    "{template} chat template is preferred",
    "no system instruction is preferred",
    "the task that the paper used comes first",
    "more runs come before fewer",
    "the newest file counts",
)


@dataclass(frozen=True)
class Wanted:
    """Which results to take: those of others are left out, not ranked.

    Args:
        shots: The number of examples; ``None`` prefers the paper's.
        chat_template: Whether there is to be one; ``None`` prefers as the paper.
    """

    shots: int | None = None
    chat_template: bool | None = None

    def takes(self, result: Result, kind: Kind) -> bool:
        """Return whether a result is among those asked for."""
        setting = result.setting
        template = setting.chat_template is not None
        return (self.chat_template in (None, template)) and (
            self.shots is None or kind.shots_fixed or setting.shots == self.shots
        )

    def shots_of(self, kind: Kind) -> int:
        """Return the shots that are wanted of a kind."""
        return kind.shots if self.shots is None or kind.shots_fixed else self.shots


@dataclass(frozen=True)
class Choice:
    """The results that count, more than one for runs, newest first, and the issues."""

    results: tuple[Result, ...]
    issues: tuple[Issue, ...] = ()


def choose(
    results: Iterable[Result],
    kind: Kind,
    tasks: Sequence[str],
    wanted: Wanted,
    benchmark: ReportedBenchmark,
) -> Choice:
    """Return which of a model's results of one benchmark count.

    Args:
        results: All there are, of every setting.
        kind: How the benchmark is run.
        tasks: The names of its tasks, the preferred ones first.
        wanted: Which results to take.
        benchmark: Which one.
    """
    groups: dict[Setting, list[Result]] = {}
    newest = sorted(results, key=lambda r: (-r.when, r.file))
    there = _once(r for r in newest if wanted.takes(r, kind))
    told: dict[Setting, set[str]] = {}
    for result in there:
        if result.setting.prompts is not None:
            same = _without_prompts(result, benchmark)
            told.setdefault(same, set()).add(result.setting.prompts)
    for result in there:
        same = _without_prompts(result, benchmark)
        known = told.get(same, set())
        # a file that does not say which prompts it had is taken to have had the others'
        fallback = next(iter(known)) if len(known) == 1 else None
        prompts = result.setting.prompts or fallback
        groups.setdefault(replace(same, prompts=prompts), []).append(result)
    if not groups:
        return Choice(())
    if benchmark.one_task:
        tasks = ()  # none of its names comes first
    order = sorted(
        groups,
        key=lambda s: (*_rank(groups[s], kind, tasks, wanted), -groups[s][0].when),
    )
    best = groups[order[0]]
    issues = [
        _conflict(groups[order[0]], groups[other], kind, tasks, wanted, benchmark.id)
        for other in order[1:]
    ]
    if len(best) > 1 and not kind.runs:
        issues.append(_duplicate(best, kind, benchmark.id))
        best = best[:1]
    if len(best) > 1 and all(r.measures == best[0].measures for r in best):
        issues.append(_alike(best, benchmark.id))
    return Choice(tuple(best), tuple(issues))


def standing(setting: Setting, kind: Kind, wanted: Wanted) -> tuple[int, ...]:
    """Return how a setting ranks, whatever the task is called; less is better."""
    template = setting.chat_template is not None
    return (
        int(setting.limit is not None),
        int(setting.shots != wanted.shots_of(kind)),
        int(template != kind.chat_template),
        int(setting.system is not None),
    )


def _once(results: Iterable[Result]) -> list[Result]:
    """Return the results without copies of a run."""
    return list({(r.run, r.setting): r for r in reversed(list(results))}.values())[::-1]


def _without_prompts(result: Result, benchmark: ReportedBenchmark) -> Setting:
    """Return the setting under which results are runs of one experiment."""
    setting = replace(result.setting, prompts=None)
    if benchmark.one_task and setting.task in benchmark.tasks:
        return replace(setting, task=benchmark.tasks[0])
    return setting


def _rank(
    group: Sequence[Result], kind: Kind, tasks: Sequence[str], wanted: Wanted
) -> tuple[int, ...]:
    """Return how a setting's results rank by each rule in turn; less is better."""
    setting = group[0].setting
    known = setting.task in tasks
    return (
        *standing(setting, kind, wanted),
        tasks.index(setting.task) if known else len(tasks),
        -len(group) if kind.runs else 0,
    )


def _conflict(
    best: Sequence[Result],
    others: Sequence[Result],
    kind: Kind,
    tasks: Sequence[str],
    wanted: Wanted,
    benchmark: str,
) -> Issue:
    mine, theirs = best[0].setting, others[0].setting
    ranks = (_rank(group, kind, tasks, wanted) for group in (best, others))
    pairs = zip(*ranks, strict=True)
    rule = next((i for i, (a, b) in enumerate(pairs) if a != b), len(_RULES) - 1)
    why = _RULES[rule].format(
        shots=wanted.shots_of(kind), template="a" if kind.chat_template else "no"
    )
    text = (
        f"{best[0].file} ({_value(best[0], kind)}) counts, {others[0].file} "
        f"({_value(others[0], kind)}) does not: {mine.differences(theirs)}; {why}"
    )
    files = tuple(r.file for r in (*best, *others))
    return Issue("conflict", text, benchmark, files)


def _duplicate(results: Sequence[Result], kind: Kind, benchmark: str) -> Issue:
    values = ", ".join(_value(result, kind) for result in results)
    text = (
        f"{len(results)} results of {results[0].setting.task} under the same settings "
        f"({values}); the newest counts: {results[0].file}"
    )
    return Issue("duplicate", text, benchmark, tuple(r.file for r in results))


def _alike(results: Sequence[Result], benchmark: str) -> Issue:
    text = (
        f"{len(results)} runs of {results[0].setting.task} have the same values in "
        "everything; were their answers sampled?"
    )
    return Issue("duplicate", text, benchmark, tuple(r.file for r in results))


def _value(result: Result, kind: Kind) -> str:
    return f"{result.measures[kind.metrics[0]].value:.2f}"
