"""The samples of a result as numbers: which items there are, and what was counted."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lm_eval_iberian.comparison.sample_forms import (
    ABSENT,
    Counts,
    Indices,
    counts_of,
    value_in,
)
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark, Subset
from lm_eval_iberian.report.result import Result
from lm_eval_iberian.report.results_file import read_samples, samples_beside
from lm_eval_iberian.terminal import shown


# how far the samples may be from the results: releases of sacrebleu differ a little
_NEAR: Final = 1e-6
_NEAR_TEXTS: Final = 0.05


class Numbers:
    """Gives every name a number, the same in all files."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, names: Iterable[str]) -> Indices:
        """Return the names' numbers."""
        known = self._numbers
        return np.array([known.setdefault(n, len(known)) for n in names], np.int64)


@dataclass(frozen=True)
class Lacking:
    """Why the items of a result cannot be looked at."""

    why: str


@dataclass(frozen=True)
class Item:
    """What tells an item from others.

    Args:
        key: The hash of its document, of repeated documents with a number.
        cluster: What it shares with the items that belong with it.
        row: The sample.
        where: Where it stands.
    """

    key: str
    cluster: str
    row: Mapping[str, Any]
    where: str


class ScoredItems:
    """The items of one result, in the order of its file.

    Args:
        result: The result.
        items: Its items.
        benchmark: What it is of.
        catalogue: What is known of its metrics.
        numbers: What gives items and clusters their numbers.
        repeated: How many items have a document that another one has.
    """

    def __init__(
        self,
        result: Result,
        items: Sequence[Item],
        benchmark: ReportedBenchmark,
        catalogue: Catalogue,
        numbers: Numbers,
        repeated: int,
    ) -> None:
        kind = catalogue.kind_of(benchmark)
        rows = [item.row for item in items]
        self.result, self.repeated = result, repeated
        self.keys = numbers.of(item.key for item in items)
        self.clusters = numbers.of(item.cluster for item in items)
        self.prompts = np.array([_prompt(row) for row in rows], np.int64)
        self.choices = None if kind.generates else _choices(rows)
        self._numbered = [_line(item.where) for item in items]
        self._file = items[0].where.rpartition(", line ")[0]
        self._metrics = {name: catalogue.metrics[name] for name in result.measures}
        # a reference and a translation are long: they wait for whoever asks
        self._packed: dict[str, bytes] = {}
        self._counts: dict[str, Counts | Lacking] = {}
        main = result.filters.get(kind.metrics[0], "none")
        for name, metric in self._metrics.items():
            values = [row[name] for row in rows]
            if result.filters.get(name, main) != main:
                self._counts[name] = Lacking(f"{name} is by another filter")
            elif not metric.form or all(value is ABSENT for value in values):
                self._counts[name] = Lacking(f"the samples do not hold {name}")
            elif metric.form == "texts" and not any(v is ABSENT for v in values):
                text = json.dumps(values).encode()
                self._packed[name] = zlib.compress(text, 1)
            else:
                self._counts[name] = self._checked(name, metric, values)

    def counts(self, name: str) -> Counts | Lacking:
        """Return what was counted for a metric, or why it cannot be.

        Raises:
            DataError: The samples do not come to what the results say.
        """
        packed = self._packed.pop(name, None)
        if packed is not None:
            values = json.loads(zlib.decompress(packed))
            self._counts[name] = self._checked(name, self._metrics[name], values)
        return self._counts.get(name, Lacking(f"the results do not have {name}"))

    def _checked(self, name: str, metric: Metric, values: Sequence[Any]) -> Counts:
        found = counts_of(values, name, metric, self._where)
        if not len(found.counts):
            raise DataError(f"{self._file}: no sample counts for {name}")
        value = float(found.metric(found.counts.sum(axis=0)))
        said = self.result.measures[name].value
        near = _NEAR_TEXTS if metric.form == "texts" else _NEAR * max(1.0, abs(said))
        if not math.isclose(value, said, rel_tol=0.0, abs_tol=near):
            raise DataError(
                f"{self._file} comes to {name} {value:.4f}, but {self.result.file} says"
                f" {said:.4f}; one of the two files is not whole, or they do not belong"
                " together"
            )
        return found

    def _where(self, at: int) -> str:
        return f"{self._file}, line {self._numbered[at]}"


def _line(where: str) -> int:
    return int(where.rpartition(" ")[2])


def _prompt(row: Mapping[str, Any]) -> int:
    """Return a number for a sample's prompt, -1 where it is not said."""
    found = row["prompt_hash"]
    if not isinstance(found, str):
        return -1
    digest = hashlib.sha256(found.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big")


def _choices(rows: Sequence[Mapping[str, Any]]) -> Indices | None:
    """Return how many answers each item had to choose from."""
    found = np.array([row["choices"] for row in rows], np.int64)
    return found if found.min() > 1 else None


def read_scored_items(
    result: Result,
    benchmark: ReportedBenchmark,
    catalogue: Catalogue,
    numbers: Numbers,
) -> ScoredItems | Lacking:
    """Read the samples of a result, or say why there is nothing to read.

    Raises:
        DataError: There are samples, and they cannot be used.
    """
    forms = {name: catalogue.metrics[name].form for name in result.measures}

    def numbers_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = row.get("arguments")
        return {name: value_in(row, name, form) for name, form in forms.items()} | {
            "doc_id": row.get("doc_id"),
            "prompt_hash": row.get("prompt_hash"),
            "choices": len(asked) if isinstance(asked, list | Mapping) else 0,
        }

    items = read_items(result, benchmark, catalogue, numbers_of)
    if isinstance(items, Lacking):
        return items
    found, repeated = items
    return ScoredItems(result, found, benchmark, catalogue, numbers, repeated)


def read_items(
    result: Result,
    benchmark: ReportedBenchmark,
    catalogue: Catalogue,
    keep: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda row: row,
) -> tuple[list[Item], int] | Lacking:
    """Return the items of a result, and how many have a document that another one has.

    Items with one and the same document are numbered in the order of their ids, and are
    one cluster.

    Args:
        result: The result.
        benchmark: What it is of.
        catalogue: It says which items belong together.
        keep: Returns what is kept of a sample, its ``doc_id`` at least; prompts are
            long.

    Raises:
        DataError: A sample says neither which document it is of nor what it holds, one
            document stands there twice under one id, or samples are missing.
    """
    task = result.setting.task
    path = None if result.path is None else samples_beside(result.path, task)
    if path is None:
        return Lacking("no samples lie beside the results")
    name = catalogue.kind_of(benchmark).metrics[0]
    subset = benchmark.subset
    if subset is not None and task not in subset.tasks:
        subset = None
    part = _part(benchmark, task)
    columns = catalogue.clusters.get(benchmark.family, ())
    items: list[Item] = []
    places: dict[str, list[int]] = {}
    for where, row in read_samples(path, result.filters.get(name, "none")):
        if subset is not None and not _belongs(row, subset):
            continue
        key = f"{part}{document_of(row, where)}"
        places.setdefault(key, []).append(len(items))
        cluster = _cluster(row, columns, benchmark.family)
        items.append(Item(key, cluster, keep(row), where))
    if not items or (result.n is not None and len(items) != result.n):
        raise DataError(
            f"{shown(path)} has {len(items)} samples, but the results count"
            f" {result.n}; one of the two files is not whole"
        )
    return _told_apart(items, places)


def _part(benchmark: ReportedBenchmark, task: str) -> str:
    """Return what tells the items of a part from those of others."""
    parts = (part for part in benchmark.parts if task in benchmark.tasks_of(part))
    return next((f"{part}/" for part in parts), "")


def _belongs(row: Mapping[str, Any], subset: Subset) -> bool:
    doc = row.get("doc")
    return isinstance(doc, Mapping) and doc.get(subset.field) == subset.value


def document_of(row: Mapping[str, Any], where: str) -> str:
    """Return the hash of a sample's document, as lm-eval makes it.

    Args:
        row: The sample.
        where: Where it stands.

    Raises:
        DataError: It has neither the hash nor the document.
    """
    found = row.get("doc_hash")
    if isinstance(found, str) and found:
        return found
    if not row.get("doc"):
        raise DataError(f"{where}: the sample has neither doc_hash nor doc")
    text = json.dumps(row["doc"], indent=2, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _cluster(row: Mapping[str, Any], columns: Sequence[str], family: str) -> str:
    """Return what an item shares with others, empty where it stands for itself."""
    doc = row.get("doc")
    if isinstance(doc, Mapping):
        for column in columns:
            if doc.get(column) not in (None, ""):
                return f"{family} {column} {doc[column]}"
    return ""


def _told_apart(
    items: list[Item], places: Mapping[str, Sequence[int]]
) -> tuple[list[Item], int]:
    repeated = 0
    for key, found in places.items():
        if len(found) > 1:
            repeated += len(found)
            ids = [items[at].row.get("doc_id") for at in found]
            for number, at in enumerate(_in_order(found, ids, items), start=1):
                one = items[at]
                items[at] = Item(
                    f"{key} {number}", one.cluster or key, one.row, one.where
                )
    whole = [i if i.cluster else Item(i.key, i.key, i.row, i.where) for i in items]
    return whole, repeated


def _in_order(
    found: Sequence[int], ids: Sequence[Any], items: Sequence[Item]
) -> list[int]:
    """Return the places of items with one document in the order of their ids."""
    seen: dict[int, int] = {}
    for at, doc in zip(found, ids, strict=True):
        if not isinstance(doc, int) or isinstance(doc, bool):
            raise DataError(
                f"{items[at].where}: its document stands in"
                f" {items[found[0]].where} too, and no doc_id tells the two apart"
            )
        if doc in seen:
            raise DataError(
                f"{items[at].where}: doc {doc} stands in"
                f" {items[seen[doc]].where} too; keep one of the two"
            )
        seen[doc] = at
    return [seen[doc] for doc in sorted(seen)]
