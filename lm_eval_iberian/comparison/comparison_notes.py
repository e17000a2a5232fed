"""What a reader of a comparison must know: what is special, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lm_eval_iberian.comparison.comparer import Comparer
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.report.model_report import Note, Report, notes_of
from lm_eval_iberian.terminal import first_of


_NAMED = 4
_TASKS = 12
# what a reader of differences must know of the results
_TOLD = ("conflict", "duplicate", "items", "limit", "model", "settings", "stops")


def notes_on(
    comparer: Comparer, rows: Sequence[ComparisonRow], more: Sequence[Note]
) -> Iterator[Note]:
    """Yield all that must be known of rows, what is said of many once.

    Args:
        comparer: What they were had from.
        rows: The rows.
        more: Other notes, to stand between what is special and what the results say.
    """
    special = _of_rows(comparer, rows)
    yield from _gathered([*special, *more, *_of_results(comparer, rows)])


def what_one_lacks(comparer: Comparer, a: str, b: str) -> Iterator[Note]:
    """Yield what only one of two has."""
    for mine, theirs in ((a, b), (b, a)):
        have = comparer.subjects[mine].model
        names = [k for k in (*have.cells, *have.minis) if not comparer.has(theirs, k)]
        names = [key for key in names if comparer.has(mine, key)]
        if names:
            text = f"no result of {', '.join(names)}, which {mine} has"
            yield Note("not compared", theirs, text)
        for column, average in comparer.subjects[theirs].model.averages.items():
            if average.missing and average.measures:
                benchmarks = comparer.catalogue.benchmarks
                lacking = ", ".join(benchmarks[key].name for key in average.missing)
                yield Note(
                    "not compared", theirs, f"the average {column}: no {lacking}"
                )


def other_tasks(comparer: Comparer) -> Iterator[Note]:
    """Yield the tasks that models have results of, and that are in no benchmark."""
    of = [set(one.model.others) for one in comparer.subjects.values()]
    names = sorted(set().union(*of))
    if names:
        text = f"in no benchmark of the paper: {first_of(names, _TASKS)}"
        yield Note("not compared", "", text)


def _of_rows(comparer: Comparer, rows: Sequence[ComparisonRow]) -> Iterator[Note]:
    """Yield what is special about rows, of many benchmarks in one line."""
    groups: dict[tuple[str, str, str], dict[str, None]] = {}
    for row in rows:
        found = {"not paired": row.note, "mixed": row.mixed, "": row.difference.why}
        for kind, text in found.items():
            if text:
                names = groups.setdefault((kind or "interval", row.b, text), {})
                names[row.benchmark] = None
    for (kind, b, text), of in groups.items():
        yield Note(kind, b, f"{', '.join(of)}: {text}")
    main = [
        row
        for row in rows
        if row.level != "average"
        and not row.note
        and row.metric == comparer.main_metric(row.benchmark)
    ]
    repeated = {row.benchmark: comparer.repeated(row.a, row.benchmark) for row in main}
    for name, items in repeated.items():
        if items:
            text = (
                f"{items} items have a document that another one has; they are paired"
                " in the order of their ids, and are one cluster"
            )
            yield Note("duplicate", name, text)
    for row in main:
        other, asked = comparer.other_prompts(row.a, row.b, row.benchmark)
        if other:
            text = (
                f"{other} of {asked} prompts are other ones than those of {row.a}: the"
                " examples or the text around them differ"
            )
            yield Note("prompts", f"{row.b}, {row.benchmark}", text)


def _of_results(comparer: Comparer, rows: Sequence[ComparisonRow]) -> Iterator[Note]:
    """Yield what must be known of the results that were compared."""
    keys = {key for row in rows for key in comparer.benchmarks_of(row.benchmark)}
    models = {}
    for name in dict.fromkeys(n for row in rows for n in (row.a, row.b)):
        model = comparer.subjects[name].model
        told = tuple(
            issue
            for issue in model.issues
            if issue.kind in _TOLD and issue.benchmark in (None, *keys)
        )
        models[name] = replace(model, issues=told)
    yield from notes_of(Report(comparer.catalogue, models), "likewise")


def _gathered(notes: Sequence[Note]) -> Iterator[Note]:
    """Yield every note once, with all that it is about."""
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for note in notes:
        groups.setdefault((note.kind, note.text), {})[note.about] = None
    for (kind, text), about in groups.items():
        names = [name for name in about if name]
        yield Note(kind, first_of(names, _NAMED, "; "), text)
