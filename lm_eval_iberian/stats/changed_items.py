"""Which items a model has right that another has wrong, and what guessing explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.stats.item_counts import ItemCounts


Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Changed:
    """How many items were gained and lost; of these, how many by chance."""

    gained: int | None = None
    lost: int | None = None
    gained_by_chance: float | None = None
    lost_by_chance: float | None = None


def changed_items(a: Sequence[ItemCounts], b: Sequence[ItemCounts]) -> Changed | None:
    """Count the items that the first has wrong and the second right, and the reverse.

    Of several runs an item is right that is so in more than half of them.

    How many of them guessing explains follows from the items that both have wrong. A
    model knows an item or guesses among its k answers. Where neither knows it, both are
    wrong with probability ``(1 - 1/k)**2``, and only the one is right with ``(1/k)(1 -
    1/k)``: for each item that both have wrong, ``1 / (k - 1)`` is to be expected that
    only the one has right by luck, and as many that only the other has. Luck gives as
    much as it takes, so it is no more than the smaller of the two counts:

        by chance = min(gained, lost, sum of 1 / (k - 1) over what both have wrong)

    and ``gained - lost`` stays what it is when chance is taken off. arXiv 2510.17776
    takes chance off the same counts, from the two accuracies; here nothing is supposed
    of what the two know in common. Models whose guesses are alike change less by chance
    than this: it is an upper bound.

    Raises:
        DataError: The two had different numbers of answers to choose from.

    Returns:
        ``None`` where items are not right or wrong.
    """
    if not all(run.binary for run in (*a, *b)):
        return None
    right_a, right_b = _right(a), _right(b)
    gained = int((~right_a & right_b).sum())
    lost = int((right_a & ~right_b).sum())
    known = [run.choices for run in (*a, *b) if run.choices is not None]
    if not known:
        return Changed(gained, lost)
    choices = known[0]
    if not all(np.array_equal(choices, other) for other in known):
        raise DataError(
            "The models were asked to choose among different numbers of answers"
        )
    lucky = float((1 / (choices[~right_a & ~right_b] - 1)).sum())
    by_chance = min(float(gained), float(lost), lucky)
    return Changed(gained, lost, by_chance, by_chance)


def sum_of_changed(parts: Sequence[Changed | None]) -> Changed | None:
    """Return what changed in all benchmarks, ``None`` where one does not say."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    gained_by_chance = [part.gained_by_chance for part in known]
    lost_by_chance = [part.lost_by_chance for part in known]
    return Changed(
        _sum([part.gained for part in known]),
        _sum([part.lost for part in known]),
        _sum(gained_by_chance),
        _sum(lost_by_chance),
    )


def _sum(numbers: Sequence[Number | None]) -> Number | None:
    known = [number for number in numbers if number is not None]
    return sum(known[1:], known[0]) if len(known) == len(numbers) else None


def _right(runs: Sequence[ItemCounts]) -> NDArray[np.bool_]:
    times = np.sum([run.counts[:, 0] for run in runs], axis=0)
    found: NDArray[np.bool_] = 2 * times > len(runs)
    return found
