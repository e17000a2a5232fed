"""What models did on items, and how two of them differ on the items that both did.

A gain in a language is one of points where items are right or wrong. Of a perplexity it
is how many of the bits that the instructed model needs are saved, in per cent: a point
of either is of the same order, and a mean of both does not hang on one of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from lm_eval_iberian.comparison.item_pairing import CountedRun, numbered, pair_items
from lm_eval_iberian.comparison.sample_forms import Counts, counts_of, value_in
from lm_eval_iberian.comparison.scored_items import Numbers
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Metric, load_catalogue
from lm_eval_iberian.search.item_split import SplitItem
from lm_eval_iberian.stats import (
    Difference,
    ItemCounts,
    average_difference,
    ratio,
)
from lm_eval_iberian.terminal import first_of


HEALTH = {"no_stop": "no_stop_rate", "run_on": "run_on_rate"}
# of a task that no benchmark has, after the first metrics of the kinds
_LOSSES = "losses"


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
    known = load_catalogue().metrics[metric]
    _counts(CandidateItems(name), task, keys, by_key, metric, known)


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


def gain(
    a: CandidateItems, b: CandidateItems, instruct: CandidateItems, tasks: Sequence[str]
) -> Difference:
    """Return how much more of the languages ``b`` has than ``a``, a mean over tasks.

    Args:
        a: The baseline.
        b: The other.
        instruct: The instructed model, against whose bits perplexities are held.
        tasks: The tasks of the languages; of each, the items that both have.

    Raises:
        DataError: They have no item in common.
    """
    return average_difference(
        _numbered([_pair(task, a, b, instruct, "") for task in tasks])
    )


def metric_difference(
    a: CandidateItems,
    b: CandidateItems,
    tasks: Sequence[str],
    metric: str = "",
    plus: float = 0.0,
) -> Difference:
    """Return how much more of a metric ``b`` has than ``a``, a mean over tasks.

    Args:
        a: The baseline.
        b: The other.
        tasks: The tasks; of each, the items that both have.
        metric: The metric; left out, the one that a task counts by.
        plus: Points that ``b`` is given: its p is then one against ``-plus``.

    Raises:
        DataError: They have no item in common, or items are not right or wrong.
    """
    pairs = [_pair(task, a, b, None, metric) for task in tasks]
    for (_, other), task in zip(pairs, tasks, strict=True):
        if not other.ratio:
            raise DataError(
                f"{task}: following instructions is told by items that are right or"
                " wrong; this one's are not"
            )
    shifted = [(one, _plus(other, plus) if plus else other) for one, other in pairs]
    return average_difference(_numbered(shifted))


def has_metric(of: CandidateItems, task: str, metric: str) -> bool:
    """Whether the items of a task hold a metric."""
    rows = of.rows.get(task, {}).values()
    return bool(rows) and all(metric in row.values for row in rows)


_Pair = tuple[ItemCounts, ItemCounts]


def _pair(
    task: str,
    a: CandidateItems,
    b: CandidateItems,
    instruct: CandidateItems | None,
    metric: str,
) -> _Pair:
    """Return what two models have on the items of a task that both did."""
    mine, theirs = a.rows.get(task, {}), b.rows.get(task, {})
    keys = [key for key in mine if key in theirs]
    if not keys:
        raise DataError(f"{a.name} and {b.name} have no item of {task} in common")
    name = metric or main_metric(task, mine[keys[0]].values)
    known = load_catalogue().metrics[name]
    numbers = Numbers()
    base = instruct.rows[task] if instruct is not None else None
    runs = []
    for one, rows in ((a, mine), (b, theirs)):
        counts = _counts(one, task, keys, rows, name, known)
        if known.form == _LOSSES and base is not None:
            bits = _counts(instruct or one, task, keys, base, name, known)
            counts = _saved(counts, bits)
        runs.append(
            CountedRun(
                numbers.of(keys),
                numbers.of(f"cluster {rows[key].cluster}" for key in keys),
                counts,
                None,
            )
        )
    if known.lower_is_better and known.form != _LOSSES and not metric:
        runs.reverse()  # less of it is a gain
    paired = pair_items(runs)
    if not paired.runs:
        raise DataError(f"{a.name} and {b.name} have no item of {task} that counts")
    return paired.runs[0], paired.runs[1]


def _counts(
    of: CandidateItems,
    task: str,
    keys: Sequence[str],
    rows: Mapping[str, ItemRow],
    name: str,
    metric: Metric,
) -> Counts:
    lacking = next((key for key in keys if key not in rows), None)
    if lacking is not None:
        raise DataError(f"{of.name} lacks the item {lacking} of {task}")
    values = [rows[key].values.get(name) for key in keys]
    return counts_of(
        values, name, metric, lambda at: f"{of.name}, {task}, item {keys[at][:12]}"
    )


def _saved(counts: Counts, bits: Counts) -> Counts:
    """Return, of log-likelihoods, how many of the instructed model's bits are saved."""
    both = np.stack(
        [counts.counts[:, 0] - bits.counts[:, 0], -bits.counts[:, 0]], axis=1
    )
    return replace(counts, counts=both, metric=ratio(100.0), ratio=True, binary=False)


def _plus(counts: ItemCounts, points: float) -> ItemCounts:
    """Return counts whose ratio is so many points more."""
    scale = float(counts.metric(np.array([1.0, 1.0])))
    more = counts.counts.copy()
    more[:, 0] += points / scale * more[:, 1]
    return replace(counts, counts=more, binary=False)


def _numbered(
    pairs: Sequence[_Pair],
) -> list[tuple[list[ItemCounts], list[ItemCounts]]]:
    return [([one], [other]) for one, other in numbered(pairs)]
