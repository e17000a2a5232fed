"""What models did on items: what counts of lm-eval's samples, and the counts of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lm_eval_iberian.comparison.sample_forms import Counts, counts_of, value_in
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import load_catalogue
from lm_eval_iberian.search.item_split import SplitItem
from lm_eval_iberian.terminal import first_of


HEALTH = {"no_stop": "no_stop_rate", "run_on": "run_on_rate"}


@dataclass(frozen=True)
class ItemRow:
    """What a model did on an item.

    Attributes:
        key: What tells the item from all others of its task.
        cluster: What belongs with it.
        values: Metric to what lm-eval has of it.
    """

    key: str
    cluster: str
    values: Mapping[str, Any]


class CandidateItems:
    """What a model did on items of tasks; more may come.

    Args:
        name: What the model is called.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[str, dict[str, ItemRow]] = {}

    def add(self, task: str, rows: Sequence[ItemRow]) -> None:
        """Add items of a task.

        Raises:
            DataError: One is there already.
        """
        known = self.rows.setdefault(task, {})
        for row in rows:
            if row.key in known:
                raise DataError(f"{self.name} has the item {row.key} of {task} twice")
            known[row.key] = row

    @property
    def count(self) -> int:
        """How many items it has done."""
        return sum(map(len, self.rows.values()))


def item_rows(
    samples: Sequence[Mapping[str, Any]], task: str, items: Sequence[SplitItem]
) -> list[ItemRow]:
    """Return what counts of lm-eval's samples, in the order of the items.

    Args:
        samples: The samples of a task.
        task: Its name.
        items: The items that were asked for.

    Raises:
        DataError: The samples are not those of the items, or hold no metric.
    """
    by_doc: dict[int, Mapping[str, Any]] = {}
    for sample in samples:
        by_doc.setdefault(sample["doc_id"], sample)  # of several filters the first
    if by_doc.keys() != {one.doc for one in items}:
        raise DataError(
            f"{task}: lm-eval evaluated other documents than were asked for"
        )
    found = []
    for one in items:
        sample = by_doc[one.doc]
        if str(sample["doc_hash"]) != one.key.partition(" ")[0]:
            raise DataError(
                f"{task}: document {one.doc} is not what it was when the search began;"
                " the dataset has changed"
            )
        main = main_metric(task, sample)
        form = load_catalogue().metrics[main].form
        values = {main: value_in(sample, main, form)}
        values |= {name: sample[name] for name in HEALTH.values() if name in sample}
        # as a file holds them, whether they come from one or not
        plain = json.loads(json.dumps(values, default=lambda one: one.item()))
        found.append(ItemRow(one.key, one.cluster, plain))
    return found


def check_values(name: str, task: str, rows: Sequence[ItemRow]) -> None:
    """Check that what a model did on items can be counted.

    Raises:
        DataError: A value has not the form that it must have, as a loss that is no
            number.
    """
    metric = main_metric(task, rows[0].values)
    keys, by_key = [row.key for row in rows], {row.key: row for row in rows}
    counted_rows(name, task, keys, by_key, metric)


def counted_rows(
    model: str,
    task: str,
    keys: Sequence[str],
    rows: Mapping[str, ItemRow],
    metric: str,
) -> Counts:
    """Return what was counted in items.

    Args:
        model: What the model that did them is called.
        task: Their task.
        keys: The items, in the order of the counts.
        rows: What it did.
        metric: What is counted.

    Raises:
        DataError: One is not there, or a value has not the form that it must have.
    """
    lacking = next((key for key in keys if key not in rows), None)
    if lacking is not None:
        raise DataError(f"{model} lacks the item {lacking} of {task}")
    values = [rows[key].values.get(metric) for key in keys]
    known = load_catalogue().metrics[metric]
    return counts_of(
        values, metric, known, lambda at: f"{model}, {task}, item {keys[at][:12]}"
    )


def main_metric(task: str, row: Mapping[str, Any]) -> str:
    """Return the metric that a task counts by.

    Args:
        task: Its name.
        row: What a sample, or an item, holds.

    Raises:
        DataError: It holds none that is known.
    """
    known = _main_metrics().get(task)
    if known is not None:
        return known
    names = _in_order()
    for name in names:
        if name in row:
            return name
    raise DataError(
        f"{task}: a search cannot tell by what it counts; its samples hold"
        f" {first_of(sorted(row), 12)}, and one of {first_of(names, 8)} is wanted"
    )


@cache
def _main_metrics() -> dict[str, str]:
    """Return the metric that counts of every benchmark's task."""
    catalogue = load_catalogue()
    return {
        task: catalogue.kind_of(benchmark).metrics[0]
        for task, benchmark in catalogue.by_task().items()
    }


@cache
def _in_order() -> tuple[str, ...]:
    catalogue = load_catalogue()
    first = [kind.metrics[0] for kind in catalogue.kinds.values()]
    formed = [name for name, one in catalogue.metrics.items() if one.form]
    health = set(HEALTH.values()) | {"stop_rate"}
    return tuple(dict.fromkeys(n for n in (*first, *formed) if n not in health))


def has_metric(of: CandidateItems, task: str, metric: str) -> bool:
    """Whether the items of a task hold a metric."""
    rows = of.rows.get(task, {}).values()
    return bool(rows) and all(metric in row.values for row in rows)
