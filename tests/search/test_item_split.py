"""Which items are for what."""

from __future__ import annotations

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import load_catalogue
from lm_eval_iberian.search.item_split import (
    SplitItem,
    as_data,
    from_data,
    items_of,
    looks_of,
    split_items,
)


def items(count: int, of_each: int = 1) -> list[SplitItem]:
    return [SplitItem(n, f"key {n}", f"cluster {n // of_each}") for n in range(count)]


def keys(side: tuple[SplitItem, ...]) -> list[str]:
    return [one.key for one in side]


@pytest.mark.parametrize("count", [4, 63, 100])
def test_every_item_is_on_one_side(count: int) -> None:
    found = split_items("task", items(count), 1, 0.5)
    both = keys(found.development) + keys(found.held_out)
    assert sorted(both) == sorted(one.key for one in items(count))
    assert len(found.development) == round(count / 2)


def test_the_seed_the_task_and_the_item_decide_and_nothing_else() -> None:
    some = items(100)
    found = split_items("task", some, 1, 0.5)
    # in another order, and beside others
    assert split_items("task", some[::-1], 1, 0.5) == found
    assert split_items("task", some, 2, 0.5) != found
    assert split_items("other", some, 1, 0.5) != found
    share = split_items("task", some, 1, 0.25)
    assert set(share.development) < set(found.development)
    assert len(share.development) == 25


def test_what_belongs_together_is_on_one_side() -> None:
    found = split_items("task", items(100, of_each=5), 1, 0.5)
    sides = [
        {one.cluster for one in side} for side in (found.development, found.held_out)
    ]
    assert not sides[0] & sides[1]
    assert len(found.development) == 50


@pytest.mark.parametrize(("count", "of_each"), [(3, 1), (100, 50), (1, 1), (0, 1)])
def test_too_few_for_two_sides(count: int, of_each: int) -> None:
    with pytest.raises(DataError, match=r"the task t has .* too few to tell anything"):
        split_items("t", items(count, of_each), 1, 0.5)


def test_looks_are_all_items_once_in_the_split_s_order() -> None:
    split = {"a": split_items("a", items(100), 1, 0.5)}
    split["b"] = split_items("b", items(12), 1, 0.5)
    looks = looks_of(split, 8)
    assert [len(look["a"]) for look in looks] == [8, 8, 16, 18]
    assert [len(look.get("b", ())) for look in looks] == [6, 0, 0, 0]
    assert "b" not in looks[1]
    assert sum((look["a"] for look in looks), ()) == split["a"].development


def test_documents_that_are_alike_are_two_items_of_one_cluster() -> None:
    catalogue = load_catalogue()
    found = items_of([{"q": 1}, {"q": 2}, {"q": 1}], "t", catalogue)
    assert len({one.key for one in found}) == 3
    assert found[0].cluster == found[2].cluster != found[1].cluster
    # as lm-eval hashes it
    assert found[2].key == f"{found[0].key} 2"


def test_questions_on_one_passage_are_one_cluster() -> None:
    catalogue = load_catalogue()
    docs = [{"link": "p", "question": n} for n in range(3)] + [{"link": "r"}]
    found = items_of(docs, "belebele_eus_Latn", catalogue)
    assert catalogue.by_task()["belebele_eus_Latn"].family == "belebele"
    assert len({one.cluster for one in found}) == 2
    # a number of a passage may be 0, and one that is missing is none
    docs = [{"link": 0, "question": n} for n in range(2)]
    docs += [{"link": "", "question": n} for n in range(2)]
    found = items_of(docs, "belebele_eus_Latn", catalogue)
    assert found[0].cluster == found[1].cluster
    assert len({one.cluster for one in found}) == 3


def test_a_file_holds_it() -> None:
    split = {"a": split_items("a", items(9, 2), 1, 0.5)}
    assert from_data(as_data(split)) == split
