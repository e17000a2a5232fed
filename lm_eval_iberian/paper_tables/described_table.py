"""What a table of the paper is of, as ``paper_tables.toml`` says it, laid out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.comparison import role_place
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.sweep_report import named
from lm_eval_iberian.report.sweep_scores import ScoreName
from lm_eval_iberian.report.table_entries import Column, Entry, Table
from lm_eval_iberian.report.tables import (
    average_entries,
    benchmark_column,
    language_titles,
    mini_columns,
)
from lm_eval_iberian.toml import read_toml


DESCRIPTIONS = Path(__file__).parent / "paper_tables.toml"
_UNKNOWN = "a sweep says what its models are; of others all are shown"


@dataclass(frozen=True)
class DescribedTable:
    """A table of the paper; the keys of ``paper_tables.toml`` are explained there."""

    title: str = ""
    number: int | None = None
    languages: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    columns: tuple[ScoreName, ...] = ()
    benchmarks: str = ""
    metrics: tuple[str, ...] = ()
    methods: bool = False
    minis: bool = False
    best_by: tuple[str, ...] = ()

    def titled(self, lang: str = "") -> str:
        """Return its title with the number, in a language."""
        title = self.title.format(language=language_titles().get(lang))
        if self.number is None:
            return title[0].upper() + title[1:]
        return f"Table {self.number}: {title}"


@cache
def described_tables(path: Path = DESCRIPTIONS) -> tuple[DescribedTable, ...]:
    """Return the tables that a file describes.

    Raises:
        DataError: A key is not known or missing.
    """
    try:
        return tuple(_described(row) for row in read_toml(path)["table"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: a key is missing or not known: {error}") from error


def _described(row: dict[str, Any]) -> DescribedTable:
    columns = tuple(
        ScoreName(one["name"], one.get("title", "")) for one in row.get("columns", ())
    )
    lists = ("languages", "roles", "metrics", "best_by")
    tuples = {name: tuple(row[name]) for name in lists if name in row}
    return DescribedTable(**row | tuples | {"columns": columns})


def laid_out(
    described: DescribedTable, report: Report, roles: Mapping[str, str]
) -> Iterator[Table]:
    """Yield the tables of a description, for what there are results of.

    Args:
        described: The description.
        report: The results.
        roles: The role of each model in a sweep; of other models nothing.
    """
    for lang in described.languages or ("",):
        columns = list(_columns(described, lang, report))
        models = [
            model
            for model in report.models
            if not described.roles or roles.get(model, "") in (*described.roles, "")
        ]
        models.sort(key=lambda model: role_place(roles.get(model, "")))
        rows = {model: tuple(of[model] for _, _, of in columns) for model in models}
        titles = [title for title, _, _ in columns]
        if table := filled(described.titled(lang), titles, rows):
            unknown = described.roles and not all(map(roles.get, table.rows))
            yield replace(table, foot=(*table.foot, _UNKNOWN)) if unknown else table


def _columns(described: DescribedTable, lang: str, report: Report) -> Iterator[Column]:
    catalogue = report.catalogue
    if described.minis:
        yield from mini_columns(report)
    for name in described.columns:
        yield score_column(report, name.of(lang), name.title or name.of(lang))
    of = described.benchmarks.format(lang=lang)
    for benchmark in catalogue.benchmarks.values():
        kind = catalogue.kind_of(benchmark)
        if benchmark.lang == of and not kind.runs:
            for metric in described.metrics:
                only = metric == described.metrics[0]
                label = "" if only else f" {catalogue.metrics[metric].label}"
                title = f"{benchmark.name}{label}"
                yield benchmark_column(report, benchmark, metric, title)


def score_column(report: Report, name: str, title: str) -> Column:
    """Return the column of an average, a benchmark, or ``BENCHMARK:METRIC``.

    Raises:
        UnknownNameError: There is no such score.
    """
    catalogue, columns = report.catalogue, report.catalogue.columns()
    if name in columns:
        metric = catalogue.metrics[columns[name].metric]
        return title, metric, average_entries(report, name)
    key, _, wanted = name.partition(":")
    if key not in catalogue.benchmarks:
        raise UnknownNameError("score", name, [*columns, *catalogue.benchmarks])
    benchmark = catalogue.benchmarks[key]
    metric_name = wanted or catalogue.kind_of(benchmark).metrics[0]
    return benchmark_column(report, benchmark, metric_name, title)


def filled(
    title: str,
    columns: Sequence[str],
    rows: Mapping[str, tuple[Entry, ...]],
    first: str = "model",
) -> Table | None:
    """Return a table without rows and columns that have no value; none without any."""
    there = {n: r for n, r in rows.items() if any(e.measure is not None for e in r)}
    kept = [
        at
        for at in range(len(columns))
        if any(row[at].measure is not None for row in there.values())
    ]
    if not kept:
        return None
    absent = [name for name in rows if name not in there]
    foot = f"without any result of these: {named(absent)}" if absent else ""
    done = {name: tuple(row[at] for at in kept) for name, row in there.items()}
    names = tuple(columns[at] for at in kept)
    return Table(title, names, done, first, (foot,) if foot else ())
