"""How two models differ: gains, and what is refused."""

from __future__ import annotations

import pytest
from made_up_items import LOSSES, TASKS, model, reader, rows

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.candidate_differences import gain, metric_difference
from lm_eval_iberian.search.candidate_items import CandidateItems


def losing(name: str, bits: list[float]) -> CandidateItems:
    found = CandidateItems(name)
    found.add("read", rows([{"byte_perplexity": [-one, 10.0]} for one in bits]))
    return found


def test_a_gain_in_perplexity_is_the_share_of_bits_that_is_saved() -> None:
    instruct = losing("instruct", [100.0, 300.0])
    a, b = losing("a", [90.0, 270.0]), losing("b", [50.0, 150.0])
    assert gain(instruct, a, instruct, ("read",)).difference == pytest.approx(10.0)
    assert gain(instruct, b, instruct, ("read",)).difference == pytest.approx(50.0)
    # of what instruct needs, whoever is the baseline
    assert gain(a, b, instruct, ("read",)).difference == pytest.approx(40.0)


def test_a_gain_is_a_mean_over_tasks_whatever_their_size() -> None:
    instruct = model("instruct", [False] * 4, [True] * 2)
    other = model("other", [True, False, False, False], [True] * 2)
    for one, bits in ((instruct, [100.0] * 2), (other, [50.0] * 2)):
        one.add("read", losing("", bits).rows["read"].values())  # type: ignore[arg-type]
    found = gain(instruct, other, instruct, ("gained", "read"))
    assert found.difference == pytest.approx((25.0 + 50.0) / 2)


def test_only_what_both_did_counts() -> None:
    whole = model("whole", [True, False, True, False], [True] * 4)
    begun = model("begun", [True, True], [True] * 2)
    found = gain(whole, begun, whole, ("gained",))
    assert (found.n, found.difference) == (2, 50.0)


def test_of_a_metric_of_which_less_is_better_less_is_a_gain() -> None:
    found = []
    for name, texts in (("a", ["bat bi hiru", "lau bost sei"]), ("b", ["x", "y"])):
        one = CandidateItems(name)
        told = [
            {"ter": [t, s]}
            for t, s in zip(["bat bi hiru", "lau bost sei"], texts, strict=True)
        ]
        one.add("mt", rows(told))
        found.append(one)
    right, wrong = found
    assert gain(wrong, right, wrong, ("mt",)).difference > 0


def test_a_rate_is_as_it_is() -> None:
    a = model("a", [True] * 4, [True] * 4, [False] * 4)
    b = model("b", [True] * 4, [True] * 4, [True, False, False, False])
    found = metric_difference(a, b, TASKS.instructions, "no_stop_rate")
    assert found.difference == 25.0


def test_what_has_nothing_in_common() -> None:
    one, other = model("one", [True] * 3, [True] * 3), CandidateItems("other")
    with pytest.raises(
        DataError, match="one and other have no item of gained in common"
    ):
        gain(one, other, one, ("gained",))


def test_instructions_are_told_by_items_that_are_right_or_wrong() -> None:
    a, b = (losing(name, [10.0, 20.0]) for name in "ab")
    with pytest.raises(DataError, match="read: following instructions is told by"):
        metric_difference(a, b, ("read",))


def test_readers_differ_by_what_they_were_made_with() -> None:
    instruct, other = (reader(n, (1,), 40, b) for n, b in (("i", 0.0), ("o", 0.1)))
    found = gain(instruct, other, instruct, LOSSES.language)
    assert found.difference == pytest.approx(10.0, abs=0.5)
