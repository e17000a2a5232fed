"""Answers questions about models: a value with its interval, a difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lm_eval_iberian.comparison.cell_numbers import CellNumbers, CompareOptions
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.comparison.comparison_words import mixed_in, mixed_text
from lm_eval_iberian.comparison.counted_cells import CountedCells, results_of_runs
from lm_eval_iberian.comparison.item_pairing import (
    CountedRun,
    SharedItems,
    numbered,
    pair_items,
)
from lm_eval_iberian.comparison.mixed_settings import mixed_settings
from lm_eval_iberian.comparison.sample_items import Lacking, SampleRow, read_items
from lm_eval_iberian.comparison.scored_items import ScoredItems
from lm_eval_iberian.comparison.subject import Subject
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.stats import Difference, Estimate


@dataclass(frozen=True)
class _Asked:
    """What a name stands for: benchmarks, and the metric they are compared by."""

    name: str
    title: str
    lang: str
    level: Literal["benchmark", "average", "mini"]
    metric: str
    benchmarks: tuple[str, ...]


class Comparer:
    """Reads samples once, and answers questions about subjects.

    Args:
        subjects: The models; no two share a name.
        catalogue: The benchmarks and averages.
        options: How they are compared.

    Raises:
        DataError: Two of the models share a name.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        catalogue: Catalogue,
        options: CompareOptions | None = None,
    ) -> None:
        self.subjects = {one.name: one for one in subjects}
        if len(self.subjects) < len(subjects):
            raise DataError("two of the models to compare have one name")
        self.catalogue = catalogue
        self.options = options or CompareOptions()
        self._every = catalogue.every()
        self._columns = catalogue.columns()
        self._items = CountedCells(catalogue, self.options.keep_going)
        self._numbers = CellNumbers(self._items, self.options)
        self._estimates: dict[tuple[str, str, str], Estimate | None] = {}
        self._compared: dict[tuple[str, ...], ComparisonRow | None] = {}

    def estimate(self, subject: str, name: str, metric: str = "") -> Estimate | None:
        """Return a value with its interval, ``None`` where there is no value.

        Args:
            subject: The model.
            name: A benchmark's id (a mini's too), or an average's column.
            metric: lm-eval's name; left out, the one that counts. Of an average it is
                the column's own.

        Raises:
            UnknownNameError: There is no such model, benchmark, average or metric.
            DataError: Its samples cannot be used.
        """
        asked = self._asked(name, metric)
        key = (self._subject(subject).name, name, asked.metric)
        if key not in self._estimates:
            cells = self._cells(subject, asked)
            self._estimates[key] = (
                None if cells is None else self._numbers.estimate(cells, asked.metric)
            )
        return self._estimates[key]

    def compare(
        self, a: str, b: str, name: str, metric: str = ""
    ) -> ComparisonRow | None:
        """Return how ``b`` differs from the baseline ``a``, without Holm's p.

        ``None`` where one of the two has no value.

        Args:
            a: The baseline's name.
            b: The other's.
            name: A benchmark's id, or an average's column.
            metric: lm-eval's name; left out, the one that counts.

        Raises:
            UnknownNameError: There is no such model, benchmark, average or metric.
            DataError: Their settings differ and ``allow_mixed`` is not set, or their
                samples do not pair or cannot be used.
        """
        asked = self._asked(name, metric)
        key = (self._subject(a).name, self._subject(b).name, name, asked.metric)
        if key not in self._compared:
            self._compared[key] = self._compare(a, b, asked)
        return self._compared[key]

    def shared_items(
        self, subjects: Sequence[str], name: str, metric: str = ""
    ) -> list[SharedItems]:
        """Return what models counted in the same items, of every benchmark of a name.

        In which settings they differ is what :meth:`mixed` says.

        Args:
            subjects: The models, one at least.
            name: A benchmark's id, or an average's column.
            metric: lm-eval's name; left out, the one that counts.

        Raises:
            UnknownNameError: There is no such model, benchmark, average or metric.
            DataError: A model has no value or no samples of it, its items are others
                than those of the first, or its samples cannot be used.
        """
        asked = self._asked(name, metric)
        parts, owners = [], []
        for key in asked.benchmarks:
            every = [self._counted(one, key, asked.metric) for one in subjects]
            paired = pair_items([run for runs in every for run in runs])
            if not paired.whole:
                raise DataError(
                    f"the samples of {key} are not of the same items in all of"
                    f" {len(subjects)} models: {paired.common} are in those of all, and"
                    f" one has {max(paired.others)} more; evaluate all on the same data"
                )
            parts.append(paired.runs)
            owners.append([at for at, runs in enumerate(every) for _ in runs])
        return [
            SharedItems(
                tuple(
                    tuple(run for run, own in zip(runs, of, strict=True) if own == at)
                    for at in range(len(subjects))
                ),
                self._every[key].family,
            )
            for key, runs, of in zip(
                asked.benchmarks, numbered(parts), owners, strict=True
            )
        ]

    def _counted(self, subject: str, key: str, metric: str) -> list[CountedRun]:
        cell = self._cell(subject, key)
        if cell is None or metric not in cell.measures:
            raise DataError(f"{subject} has no {metric} of {key}")
        found = self._items.runs(cell, metric)
        if isinstance(found, Lacking):
            raise DataError(
                f"{subject} has no items of {key} to draw: {found.why}; evaluate with"
                " --log_samples"
            )
        return found

    def mixed(self, a: str, b: str, name: str) -> dict[str, str]:
        """Return in words, by benchmark, in which settings two models differ.

        Args:
            a: The baseline's name.
            b: The other's.
            name: A benchmark's id, or an average's column.
        """
        found = {}
        for key in self._asked(name, "").benchmarks:
            mine, theirs = self._cell(a, key), self._cell(b, key)
            text = mixed_settings(mine, theirs) if mine and theirs else ""
            if text:
                found[key] = text
        return found

    @property
    def samples(self) -> tuple[Path, ...]:
        """The files of samples that were read."""
        return tuple(self._items.samples)

    def has(self, subject: str, name: str, metric: str = "") -> bool:
        """Return whether a model has a value of a benchmark or an average."""
        return self._cells(subject, self._asked(name, metric)) is not None

    def benchmarks_of(self, name: str) -> tuple[str, ...]:
        """Return the benchmarks that a name stands for."""
        return self._asked(name, "").benchmarks

    def main_metric(self, name: str) -> str:
        """Return the metric that counts."""
        return self._asked(name, "").metric

    def rows(self, subject: str, benchmark: str) -> list[list[SampleRow]]:
        """Return the samples of a benchmark, a list for each run, in the file's order.

        Empty where no samples lie beside the results.

        Raises:
            UnknownNameError: There is no such model or benchmark.
            DataError: The samples cannot be used.
        """
        if benchmark not in self._every:
            raise UnknownNameError("benchmark", benchmark, self._every)
        cell = self._cell(subject, benchmark)
        found: list[list[SampleRow]] = []
        for run in results_of_runs(cell) if cell else ():
            rows: list[SampleRow] = []
            for result in run:
                items = read_items(result, self._every[benchmark], self.catalogue)
                if isinstance(items, Lacking):
                    return []
                rows += items[0]
            found.append(rows)
        return found

    def repeated(self, subject: str, benchmark: str) -> int:
        """Return how many items of a benchmark have the document of another one.

        They are paired in the order of their ids, and are one cluster.
        """
        cell = self._cell(subject, benchmark)
        if cell is None:
            return 0
        found = self._first_run(cell)
        return sum(one.repeated for one in found if isinstance(one, ScoredItems))

    def other_prompts(self, a: str, b: str, benchmark: str) -> tuple[int, int]:
        """Return for how many items two models were asked otherwise, and of how many.

        Where one of them has a chat template or a system instruction it is not counted:
        there each model is asked in its own way.
        """
        found = []
        for name in (a, b):
            cell = self._cell(name, benchmark)
            if cell is None or any(
                s.chat_template or s.system for s in cell.settings()
            ):
                return 0, 0
            parts = self._first_run(cell)
            read = [part for part in parts if isinstance(part, ScoredItems)]
            if len(read) < len(parts):
                return 0, 0
            pairs = [p for one in read for p in zip(one.keys, one.prompts, strict=True)]
            found.append({key: prompt for key, prompt in pairs if prompt >= 0})
        mine, theirs = found
        both = mine.keys() & theirs.keys()
        return sum(mine[key] != theirs[key] for key in both), len(both)

    def _first_run(self, cell: Cell) -> list[ScoredItems | Lacking]:
        results = results_of_runs(cell)[0]
        return [self._items.scored(result, cell.benchmark) for result in results]

    def _subject(self, name: str) -> Subject:
        if name not in self.subjects:
            raise UnknownNameError("model", name, self.subjects)
        return self.subjects[name]

    def _asked(self, name: str, metric: str) -> _Asked:
        if name in self._columns:
            block = self._columns[name]
            if metric not in ("", block.metric):
                raise UnknownNameError(f"metric of {name}", metric, [block.metric])
            keys = block.columns[name]
            return _Asked(name, name, "", "average", block.metric, keys)
        if name not in self._every:
            known = [*self._columns, *self._every]
            raise UnknownNameError("benchmark or average", name, known)
        benchmark = self._every[name]
        metrics = self.catalogue.kind_of(benchmark).metrics
        if metric and metric not in metrics:
            raise UnknownNameError(f"metric of {name}", metric, metrics)
        level: Literal["benchmark", "mini"] = (
            "benchmark" if name in self.catalogue.benchmarks else "mini"
        )
        return _Asked(
            name, benchmark.name, benchmark.lang, level, metric or metrics[0], (name,)
        )

    def _cell(self, subject: str, key: str) -> Cell | None:
        return self._subject(subject).model.cell(key)

    def _cells(self, subject: str, asked: _Asked) -> list[Cell] | None:
        """Return the cells that a value is of, ``None`` unless all of them have it."""
        cells = [self._cell(subject, key) for key in asked.benchmarks]
        there = [c for c in cells if c is not None and asked.metric in c.measures]
        return there if len(there) == len(cells) else None

    def _compare(self, a: str, b: str, asked: _Asked) -> ComparisonRow | None:
        mine, theirs = self._cells(a, asked), self._cells(b, asked)
        if mine is None or theirs is None:
            return None
        mixed = self.mixed(a, b, asked.name)
        if mixed and not self.options.allow_mixed:
            raise DataError(mixed_text(a, {(b, key): mixed[key] for key in mixed}))
        found = self._numbers.difference(a, b, mine, theirs, asked.metric)
        difference = found.difference
        if self.catalogue.metrics[asked.metric].lower_is_better:
            difference = _turned(difference)
        said = [*mixed_in(mixed, asked.benchmarks), *found.mixed]
        return ComparisonRow(
            a, b, asked.name, asked.title, asked.lang, asked.level, asked.metric,
            difference, mixed="; ".join(said), note=found.note,
        )  # fmt: skip


def _turned(difference: Difference) -> Difference:
    """Return a difference of a metric of which an item that has it is wrong."""
    return replace(
        difference,
        gained=difference.lost,
        lost=difference.gained,
        gained_by_chance=difference.lost_by_chance,
        lost_by_chance=difference.gained_by_chance,
    )
