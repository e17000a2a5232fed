"""What models did on items, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from made_up_items import model, rows

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.candidate_items import (
    check_values,
    item_rows,
    main_metric,
)
from lm_eval_iberian.search.item_split import SplitItem


def test_nothing_is_counted_twice() -> None:
    one = model("one", [True], [True])
    with pytest.raises(DataError, match="has the item i0 of gained twice"):
        one.add("gained", rows([{"acc": 1.0}]))


@pytest.mark.parametrize(
    ("task", "row", "wanted"),
    [
        ("x", {"acc": 1.0, "byte_perplexity": [1, 2]}, "acc"),
        ("x", {"word_perplexity": [1, 2], "byte_perplexity": [1, 2]},
         "byte_perplexity"),
        ("x", {"prompt_level_strict_acc": 1, "inst_level_strict_acc": [1]},
         "inst_level_strict_acc"),
        # what is known of a benchmark decides
        ("ifeval_eu_mini", {"acc": 1.0, "inst_level_strict_acc": [1]},
         "inst_level_strict_acc"),
    ],
)  # fmt: skip
def test_what_a_task_counts_by(task: str, row: dict[str, Any], wanted: str) -> None:
    assert main_metric(task, row) == wanted


def test_a_task_that_counts_by_nothing_that_is_known() -> None:
    with pytest.raises(
        DataError, match="x: a search cannot tell by what it counts; its"
    ):
        main_metric("x", {"f1": 1.0})


def test_samples_are_those_that_were_asked_for() -> None:
    items = [SplitItem(3, "h3", "h3"), SplitItem(1, "h1", "h1")]
    samples = [
        {"doc_id": 1, "doc_hash": "h1", "acc": 1.0},
        {"doc_id": 3, "doc_hash": "h3", "acc": 0.0},
    ]
    found = item_rows(samples, "t", items)
    assert [(one.key, one.values) for one in found] == [
        ("h3", {"acc": 0.0}), ("h1", {"acc": 1.0}),
    ]  # fmt: skip
    with pytest.raises(DataError, match="evaluated other documents than were asked"):
        item_rows(samples[:1], "t", items)
    samples[0]["doc_hash"] = "other"
    with pytest.raises(
        DataError, match=r"document 1 is not what it was .* has changed"
    ):
        item_rows(samples, "t", items)


def test_a_loss_that_is_no_number() -> None:
    lost = [{"byte_perplexity": [-one, 10.0]} for one in (1.0, math.nan)]
    with pytest.raises(DataError, match="broken, read, item i1: byte_perplexity is"):
        check_values("broken", "read", rows(lost))
