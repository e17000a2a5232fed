"""In which settings the results of two models differ, where that matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Setting


def mixed_settings(a: Cell, b: Cell) -> str:
    """Return in words in which settings two cells of a benchmark differ.

    The settings of ``b`` come first, as ``shots 5, not 0``. Two chat templates are not
    two settings, each model has its own; nor are two names of one task.

    Args:
        a: The baseline's.
        b: The other's.
    """
    benchmark = a.benchmark
    found: dict[str, list[str]] = {}
    pairs = list(_pairs(a, b))
    for part, mine, theirs in pairs:
        text = differences_between(theirs, mine, benchmark)
        if text:
            found.setdefault(text, []).append(part)
    return "; ".join(
        text if len(parts) == len(pairs) else f"{text} ({', '.join(parts)})"
        for text, parts in found.items()
    )


def _pairs(a: Cell, b: Cell) -> Iterator[tuple[str, Setting, Setting]]:
    benchmark = a.benchmark
    if len(a.results) > 1 or len(b.results) > 1:
        mine, theirs = _by_part(a, benchmark), _by_part(b, benchmark)
        if mine and theirs:
            yield from (
                (part, mine[part], theirs[part]) for part in mine if part in theirs
            )
            return
    yield "", a.results[0].setting, b.results[0].setting


def _by_part(cell: Cell, benchmark: ReportedBenchmark) -> dict[str, Setting]:
    return {
        part: result.setting
        for result in cell.results
        for part in benchmark.parts
        if result.setting.task in benchmark.tasks_of(part)
    }


def differences_between(
    one: Setting, other: Setting, benchmark: ReportedBenchmark
) -> str:
    """Return in words what matters of what differs."""
    if one.chat_template and other.chat_template:
        # prompts are as the templates make them
        if one.chat_template != other.chat_template:
            one, other = replace(one, prompts=None), replace(other, prompts=None)
        one, other = (replace(s, chat_template="its own") for s in (one, other))
    if one.chat_template != other.chat_template:
        one, other = (
            replace(
                s,
                chat_template="yes" if s.chat_template else None,
                # what follows from it
                prompts=None,
                multiturn=False,
            )
            for s in (one, other)
        )
    if not one.shots and not other.shots:
        one, other = replace(one, multiturn=False), replace(other, multiturn=False)
    if benchmark.one_task and {one.task, other.task} <= set(benchmark.tasks):
        other = replace(other, task=one.task)
    return one.differences(other)
