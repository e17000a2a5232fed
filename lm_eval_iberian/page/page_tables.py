"""What the tables of the page hold: every number, and what it opens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, Final

from lm_eval_iberian.comparison import ComparisonReport, ComparisonRow
from lm_eval_iberian.page.stored_answers import Json
from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.tables import language_titles
from lm_eval_iberian.stats import Estimate


_INSTRUCTIONS: Final = "ifeval"


@cache
def page_languages() -> Mapping[str, str]:
    """Return what languages, and translation, are called on a page, in their order."""
    return {**language_titles(), "mt": "Translation"}


def family_of(benchmark: ReportedBenchmark) -> str:
    """Return the family of a benchmark; those of instructions are in no dataset's."""
    return benchmark.family or _INSTRUCTIONS


def language_of(benchmark: ReportedBenchmark) -> str:
    """Return the language that a model answers in: of a translation, the target's."""
    if benchmark.lang != "mt":
        return benchmark.lang
    target = benchmark.name.removesuffix(" mini").rpartition("-")[2]
    return target if target in page_languages() else "mt"


def better(row: ComparisonRow, catalogue: Catalogue) -> int:
    """Return 1 where the other is better than the baseline, -1 where it is worse.

    0 where chance explains the difference, or nothing is known of it.
    """
    if not row.is_significant or not row.difference.difference:
        return 0
    up = row.difference.difference > 0
    return 1 if up != _metric(catalogue, row.metric).lower_is_better else -1


def tables_of(comparison: ComparisonReport) -> Json:
    """Return the models, the tables, their numbers and the comparisons."""
    return _Tables(comparison).data()


def _metric(catalogue: Catalogue, name: str) -> Metric:
    return catalogue.metrics.get(name) or Metric(name, 1.0, -math.inf)


class _Tables:
    """Builds the tables; settings and files are stored once and named by number."""

    def __init__(self, comparison: ComparisonReport) -> None:
        self.comparison = comparison
        self.comparer = comparison.comparer
        self.catalogue = comparison.comparer.catalogue
        self.benchmarks = self.catalogue.every()
        self.models = list(self.comparer.subjects)
        self.places = {name: at for at, name in enumerate(self.models)}
        self.settings: dict[tuple[tuple[str, str], ...], int] = {}
        self.files: dict[str, int] = {}
        self.numbers: list[Json] = []

    def data(self) -> Json:
        rows = [self._comparison(row) for row in self.comparison.rows]
        tables = [*self._average_tables(), *self._benchmark_tables()]
        shown = {lang for table in tables for c in table["columns"] for lang in c["l"]}
        return {
            "baseline": self.places[self.comparison.baseline],
            "models": [
                {"name": name, "about": dict(one.about)}
                for name, one in self.comparer.subjects.items()
            ],
            "languages": {k: v for k, v in page_languages().items() if k in shown},
            "tables": tables,
            "numbers": self.numbers,
            "comparisons": rows,
            "settings": [dict(one) for one in self.settings],
            "files": list(self.files),
        }

    def _average_tables(self) -> Iterator[Json]:
        titles: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
        for block in self.catalogue.blocks.values():
            for column, ids in block.columns.items():
                found = titles.setdefault(block.title, [])
                found.append((column, block.metric, ids))
        for title, columns in titles.items():
            parts = [
                (self._column(column, metric, [self.benchmarks[one] for one in ids]),
                 self._average_numbers(column, metric))
                for column, metric, ids in columns
            ]  # fmt: skip
            yield from self._table("averages", title, parts)

    def _benchmark_tables(self) -> Iterator[Json]:
        minis = self.catalogue.minis()
        for lang, title in page_languages().items():
            for group, known in (
                ("benchmarks", self.catalogue.benchmarks),
                ("minis", minis),
            ):
                parts = [
                    (self._column(one.name, self._counts(one), [one]),
                     self._cell_numbers(one))
                    for one in known.values()
                    if one.lang == lang
                ]  # fmt: skip
                name = title if group == "benchmarks" else f"{title}, mini sets"
                yield from self._table(group, name, parts)

    def _table(
        self, group: str, title: str, parts: Iterable[tuple[Json, dict[int, int]]]
    ) -> Iterator[Json]:
        """Yield a table without the columns that no model has a number in."""
        kept = [(column, numbers) for column, numbers in parts if numbers]
        if kept:
            columns = [column | {"n": numbers} for column, numbers in kept]
            yield {"group": group, "title": title, "columns": columns}

    def _counts(self, benchmark: ReportedBenchmark) -> str:
        return self.catalogue.kind_of(benchmark).metrics[0]

    def _column(
        self, title: str, metric: str, benchmarks: list[ReportedBenchmark]
    ) -> Json:
        found = _metric(self.catalogue, metric)
        return {
            "t": title,
            "metric": found.label,
            "low": int(found.lower_is_better),
            "f": sorted({family_of(one) for one in benchmarks}),
            "l": sorted({language_of(one) for one in benchmarks}),
        }

    def _average_numbers(self, column: str, metric: str) -> dict[int, int]:
        found = {}
        for name, one in self.comparer.subjects.items():
            average = one.model.averages.get(column)
            estimate = self.comparer.estimate(name, column) if average else None
            if average is None or estimate is None:
                continue
            more = {"parts": list(self._parts(average))}
            cells = [one.model.cells[key] for key in average.measures]
            found[self.places[name]] = self._number(
                name, column, column, metric, estimate, cells, more
            )
        return found

    def _parts(self, average: Average) -> Iterator[list[Any]]:
        for key, measure in average.measures.items():
            one = self.benchmarks[key]
            yield [f"{one.name} ({one.lang})", _finite(measure.value)]

    def _cell_numbers(self, benchmark: ReportedBenchmark) -> dict[int, int]:
        found = {}
        for name, one in self.comparer.subjects.items():
            cell = one.model.cell(benchmark.id)
            estimate = self.comparer.estimate(name, benchmark.id) if cell else None
            if cell is None or estimate is None:
                continue
            more = {"also": list(self._others(cell))}
            found[self.places[name]] = self._number(
                name, benchmark.id, benchmark.name, cell.metric, estimate, [cell], more
            )
        return found

    def _others(self, cell: Cell) -> Iterator[list[Any]]:
        for metric, measure in cell.measures.items():
            if metric != cell.metric:
                label = _metric(self.catalogue, metric).label
                yield [label, _finite(measure.value), _finite(measure.stderr)]

    def _number(
        self,
        model: str,
        key: str,
        title: str,
        metric: str,
        estimate: Estimate,
        cells: list[Cell],
        more: Mapping[str, Any],
    ) -> int:
        results = [result for cell in cells for result in cell.results]
        settings = [self._setting(result.setting.told()) for result in results]
        files = [self.files.setdefault(r.file, len(self.files)) for r in results]
        missing = [part for cell in cells for part in cell.missing]
        number = {
            "m": self.places[model],
            "key": key,
            "t": title,
            "metric": _metric(self.catalogue, metric).label,
            **_told(estimate),
            "settings": list(dict.fromkeys(settings)),
            "files": list(dict.fromkeys(files)),
            **({"missing": missing} if missing else {}),
            **{name: value for name, value in more.items() if value},
        }
        self.numbers.append(number)
        return len(self.numbers) - 1

    def _setting(self, told: Mapping[str, str]) -> int:
        return self.settings.setdefault(tuple(told.items()), len(self.settings))

    def _comparison(self, row: ComparisonRow) -> Json:
        benchmarks = self._benchmarks_of(row)
        return {
            "a": self.places[row.a],
            "b": self.places[row.b],
            "key": row.benchmark,
            # an average of one benchmark stands for it
            **({"alone": benchmarks[0].id} if len(benchmarks) == 1 else {}),
            "t": row.title,
            "lang": row.lang,
            "level": row.level,
            "metric": _metric(self.catalogue, row.metric).label,
            "l": sorted({language_of(one) for one in benchmarks}),
            "f": sorted({family_of(one) for one in benchmarks}),
            "sign": better(row, self.catalogue),
            **_told(row.difference),
            **({"holm": row.p_holm} if _finite(row.p_holm) is not None else {}),
            **({"mixed": row.mixed} if row.mixed else {}),
            **({"note": row.note} if row.note else {}),
        }

    def _benchmarks_of(self, row: ComparisonRow) -> list[ReportedBenchmark]:
        keys = self.comparer.benchmarks_of(row.benchmark)
        return [self.benchmarks[key] for key in keys]


def _finite(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(value, 6)


def _told(found: Any) -> Json:
    """Return the fields of an estimate or a difference that say something."""
    told: Json = {}
    for name, value in asdict(found).items():
        kept = _finite(value) if isinstance(value, float) else value
        if kept is not None and kept != "":
            told[name] = kept
    return told
