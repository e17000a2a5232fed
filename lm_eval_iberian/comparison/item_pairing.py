"""The items of several runs and models in one order: the same item in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from lm_eval_iberian.comparison.sample_forms import Counts, Indices
from lm_eval_iberian.comparison.sample_items import Lacking
from lm_eval_iberian.comparison.scored_items import ScoredItems
from lm_eval_iberian.stats import ItemCounts


@dataclass(frozen=True)
class CountedRun:
    """What was counted in one run of a benchmark, over all its parts.

    Args:
        keys: Of shape (items,): the items' numbers.
        clusters: Of shape (items,): those of what they belong to.
        counts: What was counted.
        choices: Of shape (items,), ``None`` where there were none.
    """

    keys: Indices
    clusters: Indices
    counts: Counts
    choices: Indices | None


def counted_run(parts: Sequence[ScoredItems], metric: str) -> CountedRun | Lacking:
    """Return a run of a benchmark that has one part or many.

    Raises:
        DataError: The samples do not come to what the results say.
    """
    counts = []
    for part in parts:
        found = part.counts(metric)
        if isinstance(found, Lacking):
            return found
        counts.append(found)
    choices = [part.choices for part in parts if part.choices is not None]
    return CountedRun(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.clusters for part in parts]),
        replace(
            counts[0],
            counts=np.concatenate([one.counts for one in counts]),
            rows=np.concatenate([one.rows for one in counts]),
            binary=all(one.binary for one in counts),
        ),
        np.concatenate(choices) if len(choices) == len(parts) else None,
    )


@dataclass(frozen=True)
class Paired:
    """Runs with the same items in the same order; clusters have their numbers still.

    Args:
        runs: The runs; none where they have no item in common.
        common: How many items all of them have.
        others: How many more items each of them has.
        unlike: How many items have more verdicts in one run than in another.
    """

    runs: tuple[ItemCounts, ...]
    common: int
    others: tuple[int, ...]
    unlike: int = 0

    @property
    def whole(self) -> bool:
        """Whether every run has every item."""
        return bool(self.runs) and not any(self.others) and not self.unlike


@dataclass(frozen=True)
class SharedItems:
    """The same items of a benchmark, in the same order, of several models.

    Args:
        runs: Of every model, in the order in which they were asked for.
        family: Benchmarks that share it have the same clusters, by their numbers.
    """

    runs: tuple[tuple[ItemCounts, ...], ...]
    family: str


def pair_items(runs: Sequence[CountedRun]) -> Paired:
    """Return the items that all runs have, in the order of the first run.

    Args:
        runs: One run at least.
    """
    common: Indices = reduce(np.intersect1d, [run.keys for run in runs])
    first = runs[0].keys[np.isin(runs[0].keys, common)]
    places = [_places(run.keys, first) for run in runs]
    rows = [run.counts.rows[at] for run, at in zip(runs, places, strict=True)]
    alike = np.all([one == rows[0] for one in rows], axis=0)
    others = tuple(len(run.keys) - len(common) for run in runs)
    unlike = int((~alike).sum())
    if not (rows[0] * alike).any():
        return Paired((), 0, others, unlike)
    kept = [at[alike] for at in places]
    clusters = np.repeat(runs[0].clusters[kept[0]], rows[0][alike])
    choices = _choices(runs, kept)
    if choices is not None:
        choices = np.repeat(choices, rows[0][alike])
    binary = all(run.counts.binary for run in runs)
    return Paired(
        tuple(
            ItemCounts(
                run.counts.counts[_rows_at(run.counts.rows, at)], clusters,
                runs[0].counts.metric, runs[0].counts.ratio, binary, choices,
            )
            for run, at in zip(runs, kept, strict=True)
        ),
        int(alike.sum()),
        others,
        unlike,
    )  # fmt: skip


def _choices(runs: Sequence[CountedRun], kept: Sequence[Indices]) -> Indices | None:
    """Return how many answers items had to choose from, if the same in all runs."""
    found = [
        run.choices[at]
        for run, at in zip(runs, kept, strict=True)
        if run.choices is not None
    ]
    same = len(found) == len(runs) and all(np.array_equal(found[0], x) for x in found)
    return found[0] if same else None


def _places(keys: Indices, wanted: Indices) -> Indices:
    """Return where the wanted keys are."""
    order = np.argsort(keys, kind="stable")
    found: Indices = order[np.searchsorted(keys, wanted, sorter=order)]
    return found


def _rows_at(rows: Indices, items: Indices) -> Indices:
    """Return the places of the rows of some items."""
    starts = np.concatenate([[0], np.cumsum(rows)[:-1]])
    lengths = rows[items]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    found: Indices = np.repeat(starts[items], lengths) + within
    return found


def numbered(parts: Sequence[Sequence[ItemCounts]]) -> list[list[ItemCounts]]:
    """Return the runs of several parts with clusters numbered from 0, alike in all.

    They are numbered as they come, whatever was read before: draws depend on it.
    """
    labels = np.concatenate([part[0].clusters for part in parts])
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.argsort(np.argsort(first))[place]
    ends = np.cumsum([len(part[0].clusters) for part in parts])[:-1]
    return [
        [replace(run, clusters=own) for run in part]
        for part, own in zip(parts, np.split(numbers, ends), strict=True)
    ]
