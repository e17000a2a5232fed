"""How two models differ on the items that both did, a mean over tasks.

A gain in a language is one of points where items are right or wrong. Of a perplexity it
is how many of the bits that the instructed model needs are saved, in per cent: a point
of either is of the same order, and a mean of both does not hang on one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lm_eval_iberian.comparison.item_pairing import CountedRun, numbered, pair_items
from lm_eval_iberian.comparison.sample_forms import Counts
from lm_eval_iberian.comparison.scored_items import Numbers
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import load_catalogue
from lm_eval_iberian.search.candidate_items import (
    CandidateItems,
    counted_rows,
    main_metric,
)
from lm_eval_iberian.stats import (
    Difference,
    ItemCounts,
    average_difference,
    ratio,
)


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
    is_loss = known.form == "losses"
    numbers = Numbers()
    runs = []
    for one, rows in ((a, mine), (b, theirs)):
        counts = counted_rows(one.name, task, keys, rows, name)
        if is_loss and instruct is not None:
            base = instruct.rows[task]
            bits = counted_rows(instruct.name, task, keys, base, name)
            counts = _saved(counts, bits)
        runs.append(
            CountedRun(
                numbers.of(keys),
                numbers.of(f"cluster {rows[key].cluster}" for key in keys),
                counts,
                None,
            )
        )
    if known.lower_is_better and not is_loss and not metric:
        runs.reverse()  # less of it is a gain
    paired = pair_items(runs)
    if not paired.runs:
        raise DataError(f"{a.name} and {b.name} have no item of {task} that counts")
    return paired.runs[0], paired.runs[1]


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
