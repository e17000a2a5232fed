"""The samples of a result as numbers: which items there are, and what was counted."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from lm_eval_iberian.comparison.sample_forms import (
    ABSENT,
    Counts,
    Indices,
    counts_of,
    value_in,
)
from lm_eval_iberian.comparison.sample_items import Lacking, SampleRow, read_items
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Result


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
        items: Sequence[SampleRow],
        benchmark: ReportedBenchmark,
        catalogue: Catalogue,
        numbers: Numbers,
        repeated: int,
    ) -> None:
        kind = catalogue.kind_of(benchmark)
        rows = [item.sample for item in items]
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
