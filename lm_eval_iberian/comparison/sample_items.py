"""The items in a file of samples: what tells one from others, what belongs to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark, Subset
from lm_eval_iberian.report.result import Result
from lm_eval_iberian.report.results_file import read_samples
from lm_eval_iberian.terminal import shown


@dataclass(frozen=True)
class Lacking:
    """Why the items of a result cannot be looked at."""

    why: str


@dataclass(frozen=True)
class SampleRow:
    """One item of a benchmark with a model's answer.

    Args:
        key: What tells the item from others, the same for every model: the hash of its
            document, or of its content where that is missing; of parts, with the part,
            of repeated documents with a number.
        cluster: What tells the items that belong with it: a passage, a prompt.
        sample: lm-eval's own row: ``doc``, ``arguments``, ``resps``, the metrics; or
            what was kept of it.
        where: File and line, to be shown.
    """

    key: str
    cluster: str
    sample: Mapping[str, Any]
    where: str


def read_items(
    result: Result,
    benchmark: ReportedBenchmark,
    catalogue: Catalogue,
    keep: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda row: row,
) -> tuple[list[SampleRow], int] | Lacking:
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
    path = result.samples_path()
    if path is None:
        return Lacking("no samples lie beside the results")
    name = catalogue.kind_of(benchmark).metrics[0]
    subset = benchmark.subset
    if subset is not None and task not in subset.tasks:
        subset = None
    part = _part(benchmark, task)
    columns = catalogue.clusters.get(benchmark.family, ())
    items: list[SampleRow] = []
    places: dict[str, list[int]] = {}
    for where, row in read_samples(path, result.filters.get(name, "none")):
        if subset is not None and not _belongs(row, subset):
            continue
        key = f"{part}{document_of(row, where)}"
        places.setdefault(key, []).append(len(items))
        cluster = _cluster(row, columns, benchmark.family)
        items.append(SampleRow(key, cluster, keep(row), where))
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


def shared_column(doc: Any, columns: Sequence[str]) -> str | None:
    """Return which column says what a document shares with others.

    Args:
        doc: The document.
        columns: Those that may say so, the first that has anything does.

    Returns:
        ``None`` where it stands for itself.
    """
    if not isinstance(doc, Mapping):
        return None
    return next((name for name in columns if doc.get(name) not in (None, "")), None)


def _cluster(row: Mapping[str, Any], columns: Sequence[str], family: str) -> str:
    """Return what an item shares with others, empty where it stands for itself."""
    column = shared_column(row.get("doc"), columns)
    return "" if column is None else f"{family} {column} {row['doc'][column]}"


def _told_apart(
    items: list[SampleRow], places: Mapping[str, Sequence[int]]
) -> tuple[list[SampleRow], int]:
    repeated = 0
    for key, found in places.items():
        if len(found) > 1:
            repeated += len(found)
            ids = [items[at].sample.get("doc_id") for at in found]
            for number, at in enumerate(_in_order(found, ids, items), start=1):
                one = items[at]
                items[at] = replace(
                    one, key=f"{key} {number}", cluster=one.cluster or key
                )
    whole = [one if one.cluster else replace(one, cluster=one.key) for one in items]
    return whole, repeated


def _in_order(
    found: Sequence[int], ids: Sequence[Any], items: Sequence[SampleRow]
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
