"""Compare all models with one, on everything that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lm_eval_iberian.comparison.compared_subjects import subjects_of
from lm_eval_iberian.comparison.comparer import CompareOptions, Comparer, mixed_text
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.model_report import Note, Report, notes_of
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.tables import LANGUAGES
from lm_eval_iberian.stats.multiple_tests import holm


__all__ = [
    "CompareOptions",
    "Comparer",
    "ComparisonReport",
    "compare_all",
    "subjects_of",
]

_NAMED = 4
# what a reader of differences must know of the results
_TOLD = ("conflict", "duplicate", "items", "limit", "model", "settings", "stops")


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
    leave_out: bool = False,
) -> ComparisonReport:
    """Compare every subject with the baseline, on all that both have.

    An average of one benchmark stands for it: it is not compared twice.

    Args:
        comparer: The models.
        baseline: The one that the others are held against.
        only: Benchmarks' ids and averages' columns; left out, all.
        leave_out: Leave out models that have nothing in common with the baseline and
            results under other settings, with a note, instead of refusing them all.

    Raises:
        UnknownNameError: There is no such model, benchmark or average.
        DataError: There is one model, two have nothing in common, their settings
            differ, or their samples do not pair or cannot be used.
    """
    if baseline not in comparer.subjects:
        raise UnknownNameError("model", baseline, comparer.subjects)
    others = [name for name in comparer.subjects if name != baseline]
    if not others:
        raise DataError(
            f"there is one model, {baseline}; name another to compare it with"
        )
    wanted = list(_wanted(comparer.catalogue, only))
    shared = {
        other: list(_shared(comparer, baseline, other, wanted)) for other in others
    }
    notes: list[Note] = []
    for other, asked in shared.items():
        if not asked:
            text = _nothing_shared(comparer, baseline, other, only)
            if not leave_out:
                raise DataError(text)
            notes.append(Note("incomplete", other, text))
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
    rows: list[ComparisonRow] = []
    for other, asked in shared.items():
        found = (comparer.compare(baseline, other, *one) for one in asked)
        rows += (row for row in found if row is not None)
        notes += _one_sided(comparer, baseline, other)
    adjusted = holm([row.difference.p for row in rows])
    rows = [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
    notes = [*_of_rows(comparer, rows), *notes, *_of_results(comparer, rows)]
    return ComparisonReport(
        comparer, baseline, tuple(rows), tuple(_gathered(notes)), _inputs(comparer)
    )


def _wanted(catalogue: Catalogue, only: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names with metrics in the order of the tables: averages, benchmarks."""
    every: list[tuple[str, str]] = []
    alone: dict[tuple[str, str], str] = {}
    for block in catalogue.blocks.values():
        for column, keys in block.columns.items():
            every.append((column, block.metric))
            if len(keys) == 1:
                alone[keys[0], block.metric] = column
    for lang in LANGUAGES:
        for group in (catalogue.benchmarks,):
            for key, benchmark in group.items():
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


def _one_sided(comparer: Comparer, a: str, b: str) -> Iterator[Note]:
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
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield Note(kind, f"{'; '.join(names[:_NAMED])}{more}", text)


def _inputs(comparer: Comparer) -> tuple[str, ...]:
    cells = [
        cell
        for subject in comparer.subjects.values()
        for cell in (*subject.model.cells.values(), *subject.model.minis.values())
    ]
    paths = (str(r.path or r.file) for cell in cells for r in cell.results)
    return tuple(dict.fromkeys(paths))
