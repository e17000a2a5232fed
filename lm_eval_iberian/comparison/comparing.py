"""Compare all models with one, on everything that both have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lm_eval_iberian.comparison.comparer import Comparer
from lm_eval_iberian.comparison.comparison_notes import (
    notes_on,
    other_tasks,
    what_one_lacks,
)
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.comparison.comparison_words import mixed_text
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.model_report import Note
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.tables import language_titles
from lm_eval_iberian.stats import holm


@dataclass(frozen=True)
class ComparisonReport:
    """Everything that was compared.

    Args:
        comparer: To ask for more.
        baseline: The name of the model that the others are held against.
        rows: The comparisons, in the order of the tables, with Holm's p over them all.
        notes: What a reader must know.
        inputs: The files that were read.
    """

    comparer: Comparer
    baseline: str
    rows: tuple[ComparisonRow, ...]
    notes: tuple[Note, ...] = ()
    inputs: tuple[str, ...] = field(default=())


def compare_all(
    comparer: Comparer,
    baseline: str,
    only: Sequence[str] = (),
    done: Callable[[int, int], None] = lambda number, of: None,
    leave_out: bool = False,
    others: Sequence[str] = (),
) -> ComparisonReport:
    """Compare subjects with the baseline, on all that both have.

    An average of one benchmark stands for it: it is not compared twice. A model that
    has nothing in common with the baseline is in the notes.

    Args:
        comparer: The models.
        baseline: The one that the others are held against.
        only: Benchmarks' ids and averages' columns; left out, all.
        done: Told after each comparison how many there are, and of how many.
        leave_out: Where nothing is in common or settings differ, leave that out with a
            note, instead of refusing it all.
        others: The subjects that are compared with it; left out, all others.

    Raises:
        UnknownNameError: There is no such model, benchmark or average.
        DataError: There is one model, none has anything in common with the baseline,
            settings differ, or samples do not pair or cannot be used.
    """
    if baseline not in comparer.subjects:
        raise UnknownNameError("model", baseline, comparer.subjects)
    others = others or [name for name in comparer.subjects if name != baseline]
    if not others:
        raise DataError(
            f"there is one model, {baseline}; name another to compare it with"
        )
    wanted = list(_wanted(comparer.catalogue, only))
    shared = {
        other: list(_shared(comparer, baseline, other, wanted)) for other in others
    }
    if not any(shared.values()) and not leave_out:
        raise DataError(_nothing_shared(comparer, baseline, others[0], only))
    notes: list[Note] = []
    mixed = _mixed(comparer, baseline, shared)
    if mixed and not comparer.options.allow_mixed:
        text = mixed_text(baseline, mixed)
        if not leave_out:
            raise DataError(text)
        notes.append(Note("mixed", "", f"not compared: {text}"))
        shared = {
            b: [
                one
                for one in asked
                if not any((b, key) in mixed for key in comparer.benchmarks_of(one[0]))
            ]
            for b, asked in shared.items()
        }
    total = sum(map(len, shared.values()))
    rows: list[ComparisonRow] = []
    for other, asked in shared.items():
        for one in asked:
            row = comparer.compare(baseline, other, *one)
            rows += [] if row is None else [row]
            done(len(rows), total)
        notes += what_one_lacks(comparer, baseline, other)
    adjusted = holm([row.difference.p for row in rows])
    rows = [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
    notes += other_tasks(comparer)
    told = tuple(notes_on(comparer, rows, notes))
    return ComparisonReport(comparer, baseline, tuple(rows), told, _inputs(comparer))


def _wanted(catalogue: Catalogue, only: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names with metrics in the order of the tables: averages, benchmarks."""
    every: list[tuple[str, str]] = []
    # columns that are a benchmark's: they stand for it, if they are shown
    alone: set[tuple[str, str]] = set()
    for block in catalogue.blocks.values():
        for column, keys in block.columns.items():
            every.append((column, block.metric))
            if len(keys) == 1 and (not only or column in only):
                alone.add((keys[0], block.metric))
    for lang in language_titles():
        for key, benchmark in catalogue.benchmarks.items():
            if benchmark.lang == lang:
                metrics = catalogue.kind_of(benchmark).metrics
                every += ((key, m) for m in metrics if (key, m) not in alone)
    for key, benchmark in catalogue.minis().items():
        every += ((key, m) for m in catalogue.kind_of(benchmark).metrics)
    known = {name for name, _ in every}
    for name in only:
        if name not in known:
            raise UnknownNameError("benchmark or average", name, known)
    yield from (one for one in every if not only or one[0] in only)


def _shared(
    comparer: Comparer, a: str, b: str, wanted: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    yield from (one for one in wanted if all(comparer.has(s, *one) for s in (a, b)))


def _mixed(
    comparer: Comparer, a: str, shared: Mapping[str, Sequence[tuple[str, str]]]
) -> dict[tuple[str, str], str]:
    """Return in which settings models differ from the baseline, by benchmark."""
    return {
        (b, key): text
        for b, asked in shared.items()
        for name, _ in asked
        for key, text in comparer.mixed(a, b, name).items()
    }


def _nothing_shared(comparer: Comparer, a: str, b: str, only: Sequence[str]) -> str:
    said = []
    for name in (a, b):
        model = comparer.subjects[name].model
        there = [*model.cells, *model.minis]
        names = ", ".join(there[:8]) + (", …" if len(there) > 8 else "")
        said.append(f"{name} has {names or 'no result of a benchmark'}")
    of = f" of {', '.join(only)}" if only else ""
    return f"{a} and {b} have no benchmark in common{of}: {'; '.join(said)}"


def _inputs(comparer: Comparer) -> tuple[str, ...]:
    paths = (
        str(result.path or result.file)
        for subject in comparer.subjects.values()
        for cell in subject.model.every_cell()
        for result in cell.results
    )
    return tuple(dict.fromkeys([*paths, *map(str, comparer.samples)]))
