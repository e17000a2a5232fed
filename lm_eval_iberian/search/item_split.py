"""Which items a search may look at, which are held out, and in which order it looks.

An item's place depends on the seed of the split and on its document alone: not on the
order of a dataset, nor on what else is evaluated. Items of one cluster, a passage with
its questions, are on one side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.comparison.sample_items import document_of, shared_column
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Catalogue


_FEWEST = 2


@dataclass(frozen=True)
class SplitItem:
    """An item of a task.

    Attributes:
        doc: The number of its document.
        key: What tells it from all others of the task.
        cluster: What belongs with it.
    """

    doc: int
    key: str
    cluster: str


@dataclass(frozen=True)
class SplitTask:
    """The items of a task on their two sides, each in the order of its looks."""

    development: tuple[SplitItem, ...]
    held_out: tuple[SplitItem, ...]


Split = Mapping[str, SplitTask]


def items_of(
    documents: Sequence[Any], task: str, catalogue: Catalogue
) -> list[SplitItem]:
    """Return the items of a task.

    Args:
        documents: Its documents.
        task: Its name.
        catalogue: It says which items belong together.
    """
    benchmark = catalogue.by_task().get(task)
    columns = catalogue.clusters.get(benchmark.family, ()) if benchmark else ()
    found: list[SplitItem] = []
    seen: dict[str, int] = {}
    for number, doc in enumerate(documents):
        digest = document_of({"doc": doc}, f"{task}, document {number}")
        seen[digest] = seen.get(digest, 0) + 1
        key = digest if seen[digest] == 1 else f"{digest} {seen[digest]}"
        column = shared_column(doc, columns)
        cluster = digest if column is None else f"{task} {doc[column]}"
        found.append(SplitItem(number, key, cluster))
    return found


def split_items(
    task: str, items: Sequence[SplitItem], seed: int, share: float
) -> SplitTask:
    """Put the items of a task on two sides.

    Args:
        task: Its name.
        items: Its items.
        seed: What the split is made of.
        share: How much of them is for development.

    Raises:
        DataError: There are too few items, or clusters, for two sides.
    """
    clusters: dict[str, list[SplitItem]] = {}
    for one in items:
        clusters.setdefault(one.cluster, []).append(one)
    wanted = round(share * len(items))
    sides: tuple[list[SplitItem], list[SplitItem]] = ([], [])
    for cluster in sorted(clusters, key=lambda name: _draw(seed, "side", task, name)):
        sides[len(sides[0]) >= wanted].extend(clusters[cluster])
    for side, what in zip(sides, ("development", "held out"), strict=True):
        if len({one.cluster for one in side}) < _FEWEST:
            raise DataError(
                f"the task {task} has {len(items)} items in {len(clusters)} groups that"
                f" belong together, of which {len(side)} items would be {what}: too few"
                " to tell anything; take another task, or another share (development)"
            )
    ordered = (
        tuple(sorted(side, key=lambda one: _draw(seed, "order", task, one.key)))
        for side in sides
    )
    return SplitTask(*ordered)


def _draw(seed: int, what: str, task: str, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{what}\0{task}\0{name}".encode()).digest()


def looks_of(split: Split, first: int) -> list[dict[str, tuple[SplitItem, ...]]]:
    """Return which items each look adds: of a task without any it has no entry.

    Args:
        split: The items.
        first: How many of each task the first look has; each further one has as many
            as all before it.
    """
    most = max(len(one.development) for one in split.values())
    found, begin, end = [], 0, first
    while begin < most:
        look = {
            task: one.development[begin:end]
            for task, one in split.items()
            if one.development[begin:end]
        }
        found.append(look)
        begin, end = end, 2 * end
    return found


def as_data(split: Split) -> dict[str, Any]:
    """Return a split as JSON holds it."""
    return {
        task: {
            "development": [
                [one.doc, one.key, one.cluster] for one in found.development
            ],
            "held_out": [[one.doc, one.key, one.cluster] for one in found.held_out],
        }
        for task, found in split.items()
    }


def from_data(data: Mapping[str, Any]) -> Split:
    """Return the split that ``as_data`` wrote."""
    return {
        task: SplitTask(
            tuple(SplitItem(*row) for row in found["development"]),
            tuple(SplitItem(*row) for row in found["held_out"]),
        )
        for task, found in data.items()
    }
