"""Models that are made up: what they did on items is drawn, by a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from lm_eval_iberian.search.candidate_items import CandidateItems, ItemRow
from lm_eval_iberian.search.racing import RaceTasks


TASKS = RaceTasks(("gained",), ("kept",))
LOSSES = RaceTasks(("read",), ("kept",))


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def rows(values: Sequence[Mapping[str, Any]]) -> list[ItemRow]:
    return [ItemRow(f"i{at}", f"c{at}", one) for at, one in enumerate(values)]


def model(
    name: str,
    gained: Sequence[bool],
    kept: Sequence[bool],
    no_stop: Sequence[bool] | None = None,
) -> CandidateItems:
    """Return a model by what it has right."""
    found = CandidateItems(name)
    found.add("gained", rows([{"acc": float(one)} for one in gained]))
    found.add("kept", rows([{"inst_level_strict_acc": [bool(one)]} for one in kept]))
    if no_stop is not None:
        for row, cut in zip(found.rows["kept"].values(), no_stop, strict=True):
            health = {"no_stop_rate": bool(cut), "run_on_rate": False}
            values = {**row.values, **health}
            found.rows["kept"][row.key] = ItemRow(row.key, row.cluster, values)
    return found


def drawn(
    name: str, key: Sequence[int], items: int, gained: float, kept: float = 0.7
) -> CandidateItems:
    """Return a model that is right with a probability, harder and easier items."""
    hard = generator(1, items).normal(0, 1, (2, items))
    mine = generator(2, *key).normal(0, 1, (2, items))
    # correlated by the items, and as often right as was asked for
    ability = norm.ppf([[gained], [kept]])
    right = (hard + mine) / np.sqrt(2) < ability
    return model(name, right[0], right[1])


def reader(name: str, key: Sequence[int], items: int, better: float) -> CandidateItems:
    """Return a model whose losses are better by a share of what items need."""
    bits = generator(3, items).uniform(50, 150, items)
    noise = generator(4, *key).normal(0, 2, items)
    found = CandidateItems(name)
    found.add(
        "read",
        rows(
            [
                {"byte_perplexity": [-b * (1 - better) + n, 100.0]}
                for b, n in zip(bits, noise, strict=True)
            ]
        ),
    )
    kept = generator(5, *key).random(items) < 0.7
    found.add("kept", rows([{"inst_level_strict_acc": [bool(k)]} for k in kept]))
    return found


def first(of: CandidateItems, count: int) -> CandidateItems:
    """Return what a model did on its first items."""
    found = CandidateItems(of.name)
    for task, known in of.rows.items():
        found.add(task, list(known.values())[:count])
    return found
