"""Lay a report out as tables, whatever they are written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from lm_eval_iberian.languages import available_languages, load_profile
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.model_report import ModelReport, Report
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.table_entries import Column, Entry, Source, Table
from lm_eval_iberian.tasks.benchmark_tasks import language_order


MINI = "Mini sets, not the paper's benchmarks"
_STOPS = "stop_rate"
# the notes that a mark refers to
MARKED = ("limit", "settings", "items")


@cache
def language_titles() -> Mapping[str, str]:
    """Return the titles of the tables of languages, in their order, by code.

    The benchmarks' languages come first, in their order, then any other that has a
    pack, and translation last.
    """
    codes = dict.fromkeys([*language_order(), *available_languages()])
    names = {code: load_profile(code).name for code in codes}
    return MappingProxyType(names | {"mt": "Translation, BLEU by direction"})


def tables_of(report: Report) -> list[Table]:
    """Return the tables of averages, then those of each language's benchmarks."""
    titles: dict[str, list[Column]] = {}
    for block in report.catalogue.blocks.values():
        metric = report.catalogue.metrics[block.metric]
        for name in block.columns:
            column = average_entries(report, name)
            if any(
                name in r.averages and r.averages[name].measures
                for r in report.models.values()
            ):
                titles.setdefault(block.title, []).append((name, metric, column))
    tables = [_table(title, columns, report) for title, columns in titles.items()]
    for lang, title in language_titles().items():
        columns = list(_benchmarks(report, lang))
        if columns:
            tables.append(_table(title, columns, report))
    minis = list(mini_columns(report))
    return [*tables, _table(MINI, minis, report)] if minis else tables


def language_name(code: str) -> str:
    """Return the English name of a language, of an unknown one the code."""
    return language_titles().get(code, code)


def empty_columns(report: Report) -> list[str]:
    """Return the columns that no model has any benchmark of."""
    return [
        name
        for block in report.catalogue.blocks.values()
        for name in block.columns
        if not block.optional
        and not any(r.averages[name].measures for r in report.models.values())
    ]


def average_entries(report: Report, name: str) -> dict[str, Entry]:
    """Return what stands in the column of an average, by model."""
    return {
        model: replace(average_entry(found, name), source=Source(model, name))
        for model, found in report.models.items()
    }


def average_entry(model: ModelReport, name: str) -> Entry:
    """Return what stands in a table at a model and an average."""
    average = model.averages.get(name)
    if average is None or average.value is None:
        return Entry(None)
    runs = next(iter(average.measures.values())).runs if average.sd is not None else ()
    measure = Measure(average.value, average.stderr, average.sd, runs)
    return Entry(measure, marked=any(is_marked(model, key) for key in average.measures))


def _benchmarks(report: Report, lang: str) -> Iterator[Column]:
    """Yield the columns of a language: its averages' benchmarks, others if there."""
    catalogue = report.catalogue
    averaged = {
        key
        for block in catalogue.blocks.values()
        for keys in block.columns.values()
        for key in keys
    }
    listed = [
        b
        for b in catalogue.benchmarks.values()
        if b.lang == lang and not catalogue.kind_of(b).runs
    ]
    there = {key for model in report.models.values() for key in model.cells}
    if not any(benchmark.id in there for benchmark in listed):
        return
    for benchmark in listed:
        first, *more = catalogue.kind_of(benchmark).metrics
        if benchmark.id in averaged | there:
            yield benchmark_column(report, benchmark, first, benchmark.name)
        for name in more if lang != "mt" else ():
            title = f"{benchmark.name} {catalogue.metrics[name].label}"
            column = benchmark_column(report, benchmark, name, title)
            if any(entry.measure is not None for entry in column[2].values()):
                yield column


def mini_columns(report: Report) -> Iterator[Column]:
    """Yield the columns of each mini set that there is a result of; all are marked."""
    for key, benchmark in report.catalogue.minis().items():
        first, *more = report.catalogue.kind_of(benchmark).metrics
        lang = "" if benchmark.lang == "mt" else f"{benchmark.lang} "
        title = f"{lang}{benchmark.name.removesuffix(' mini')}"
        cells = {model: r.minis.get(key) for model, r in report.models.items()}
        shown = {first: title} | {n: f"{title} stops" for n in more if n == _STOPS}
        for name, heading in shown.items():
            entries = {
                model: Entry(
                    None if cell is None else cell.measures.get(name),
                    marked=True,
                    source=Source(model, key, name),
                )
                for model, cell in cells.items()
            }
            if any(entry.measure is not None for entry in entries.values()):
                yield heading, report.catalogue.metrics[name], entries


def benchmark_column(
    report: Report, benchmark: ReportedBenchmark, metric: str, title: str
) -> Column:
    """Return a benchmark's column of a metric, of whichever models have it."""
    entries = {}
    for name, model in report.models.items():
        cell = model.cells.get(benchmark.id)
        measure = None if cell is None else cell.measures.get(metric)
        marked = measure is not None and is_marked(model, benchmark.id)
        source = Source(name, benchmark.id, metric)
        entries[name] = Entry(measure, marked=marked, source=source)
    return title, report.catalogue.metrics[metric], entries


def is_marked(model: ModelReport, benchmark: str) -> bool:
    """Return whether a note says that a result is not as in the paper."""
    return any(i.benchmark == benchmark and i.kind in MARKED for i in model.issues)


def _table(title: str, columns: Sequence[Column], report: Report) -> Table:
    done = [judged(entries, metric) for _, metric, entries in columns]
    rows = {name: tuple(column[name] for column in done) for name in report.models}
    return Table(title, tuple(name for name, _, _ in columns), rows)


def judged(entries: Mapping[str, Entry], metric: Metric) -> dict[str, Entry]:
    """Return the entries, the best of them marked so; of one nothing is the best."""
    values = list(_comparable(entries.values()))
    best = (min if metric.lower_is_better else max)(values, default=None)
    return {
        name: replace(
            entry,
            best=len(values) > 1
            and entry.measure is not None
            and not entry.marked
            and round(entry.measure.value, 2) == best,
        )
        for name, entry in entries.items()
    }


def _comparable(entries: Iterable[Entry]) -> Iterator[float]:
    for entry in entries:
        if entry.measure is not None and not entry.marked:
            yield round(entry.measure.value, 2)
