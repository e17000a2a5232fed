"""Who is given which cell: one merge per slot, where there are enough of them."""

from __future__ import annotations

from typing import Any

import pytest
from cheap_cells import cheap_cell

from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_queue import SweepQueue


def cell(name: str, *models: str) -> SweepCell:
    recipe = {"merge_method": name.partition("-")[0], "models": [
        {"model": model} for model in models
    ]}  # fmt: skip
    return cheap_cell(name, recipe=recipe)


def cells(*groups: str, models: Any = ()) -> list[SweepCell]:
    """Return cells, of ``a3`` three: a--0, a--1, a--2."""
    return [
        cell(f"{one[0]}--{number}", *models)
        for one in groups
        for number in range(int(one[1:]))
    ]


CASES: list[tuple[str, list[str], str, str]] = [
    ("a slot stays with its merge", ["a2", "b2"], "0101", "a--0 b--0 a--1 b--1"),
    ("one slot does one merge after the other", ["a2", "b1"], "000", "a--0 a--1 b--0"),
    ("suites of one merge are gathered", ["a1", "b1", "a1"], "000", "a--0 a--0 b--0"),
    ("an idle slot helps with a long one", ["a3", "b1"], "0111", "a--0 b--0 a--1 a--2"),
    ("and with the longest that is left", ["a2", "b4", "c1"], "01222", 
     "a--0 b--0 c--0 b--1 b--2"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "groups", "slots", "wanted"), CASES)
def test_who_is_given_what(
    why: str, groups: list[str], slots: str, wanted: str
) -> None:
    queue = SweepQueue(cells(*groups))
    assert " ".join(queue.take(slot).id for slot in slots) == wanted


def test_a_slot_stays_with_its_models() -> None:
    queue = SweepQueue(
        [cell("a-eu", "eu"), cell("b-gl", "gl"), cell("c-eu", "eu"), cell("d-gl", "gl")]
    )
    assert [queue.take("0").id for _ in range(4)] == ["a-eu", "c-eu", "b-gl", "d-gl"]


def test_an_empty_queue() -> None:
    queue = SweepQueue(cells("a1"))
    assert queue
    queue.take("0")
    assert not queue
    with pytest.raises(IndexError):
        queue.take("0")
