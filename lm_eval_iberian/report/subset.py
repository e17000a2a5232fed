"""Score a subset of a task's items from the samples that lm-eval logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.report.reported_benchmark import Subset
from lm_eval_iberian.report.result import Measure
from lm_eval_iberian.report.results_file import ResultsFile


def samples_path(file: ResultsFile, task: str) -> Path | None:
    """Return where lm-eval put the samples of a task, if they are there."""
    stamp = file.stamp()
    if stamp is None:
        return None
    path = file.path.with_name(f"samples_{task}_{stamp}.jsonl")
    return path if path.is_file() else None


def score_subset(path: Path, subset: Subset, items: int | None) -> tuple[Measure, int]:
    """Return the accuracy on a subset, in per cent, and how many items it has.

    Args:
        path: Samples of the whole task.
        subset: Which of them count.
        items: How many samples there must be.

    Raises:
        DataError: Samples are missing, malformed, two of one item differ, or none
            belongs to the subset.
    """
    scores: dict[int, float] = {}
    seen: set[int] = set()
    for where, row in _rows(path):
        document = row.get("doc")
        if not isinstance(document, Mapping) or subset.field not in document:
            raise DataError(f"{where}: the sample has no doc.{subset.field}")
        doc = row.get("doc_id")
        if not isinstance(doc, int):
            raise DataError(f"{where}: the sample has no doc_id")
        seen.add(doc)
        if document[subset.field] == subset.value:
            right = _right(row, where)
            if scores.setdefault(doc, right) != right:
                raise DataError(f"{where}: doc {doc} has two results that differ")
    if items is not None and len(seen) != items:
        raise DataError(
            f"{path} has {len(seen)} samples, but the results count {items}; one of "
            "the two files is not whole"
        )
    if not scores:
        raise DataError(f"{path} has no sample with {subset.field} {subset.value!r}")
    n = len(scores)
    share = sum(scores.values()) / n
    error = (share * (1 - share) / (n - 1)) ** 0.5 if n > 1 else None
    return Measure(100 * share, None if error is None else 100 * error), n


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the samples, each once: every filter has its own."""
    for number, row in read_jsonl(path):
        if row.get("filter", "none") == "none":
            yield f"{path}, line {number}", row


def _right(row: Mapping[str, Any], where: str) -> float:
    found = row.get("acc")
    if not isinstance(found, int | float) or found not in (0, 1):
        raise DataError(f"{where}: acc is {str(found)[:40]!r}, not 0 or 1")
    return float(found)
