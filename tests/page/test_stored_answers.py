"""A sample as a reader sees it."""

from __future__ import annotations

from typing import Any

import pytest
from made_comparisons import choice_sample, written_sample

from lm_eval_iberian.comparison import SampleRow
from lm_eval_iberian.page.stored_answers import answer_of, item_of
from lm_eval_iberian.report import load_catalogue


def row(sample: dict[str, Any]) -> SampleRow:
    return SampleRow("k", "c", sample, "samples.jsonl:1")


CHOICES = choice_sample(1, "galdera?", ["bat", "bi", "hiru"], 1, 2)


def test_a_choice_has_its_choices_the_right_one_and_the_chosen() -> None:
    item, answer = item_of(row(CHOICES)), answer_of(row(CHOICES), "acc", "right", "eu")
    assert item == {
        "k": "k", "p": "galdera?", "c": [" bat", " bi", " hiru"], "r": 1, "t": "1"
    }  # fmt: skip
    assert answer == {
        "w": "samples.jsonl:1", "s": 0.0, "g": 0, "l": [-12.0, -11.0, -10.0], "x": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "right", "why"),
    [
        ({"target": "2"}, 2, "a number is a place"),
        ({"target": 0}, 0, "as a number too"),
        ({"target": " bi"}, 1, "or it is the text"),
        ({"target": "7"}, None, "no such place"),
        ({"target": "lau"}, None, "no such text"),
        ({"target": None}, None, "not said"),
    ],
)
def test_which_choice_is_right(
    change: dict[str, Any], right: int | None, why: str
) -> None:
    assert item_of(row({**CHOICES, **change})).get("r") == right, why


def test_arguments_as_lists_are_read_as_well() -> None:
    listed = [["galdera?", " bat"], ["galdera?", " bi"]]
    sample = {**CHOICES, "arguments": listed, "resps": CHOICES["resps"][:2]}
    assert item_of(row(sample))["c"] == [" bat", " bi"]


def test_more_than_ten_choices_stand_in_their_order() -> None:
    sample = choice_sample(1, "p", [str(at) for at in range(12)], 11, 11)
    item, answer = item_of(row(sample)), answer_of(row(sample), "acc", "right", "eu")
    assert item["c"] == [f" {at}" for at in range(12)]
    assert (item["r"], answer["x"]) == (11, 11)


def test_one_ending_after_several_beginnings() -> None:
    arguments = [["Anek esan du", " egia"], ["Jonek esan du", " egia"]]
    sample = {**CHOICES, "arguments": arguments, "resps": CHOICES["resps"][:2]}
    item = item_of(row(sample))
    assert item["c"] == ["Anek esan du", "Jonek esan du"]
    assert item["p"] == " egia"


@pytest.mark.parametrize(
    ("metric", "value", "score", "right", "why"),
    [
        ("acc", 1.0, 1.0, 1, "an accuracy"),
        ("acc", False, 0.0, 0, "as a verdict"),
        ("acc", 0.25, 0.25, None, "a share is neither right nor wrong"),
        ("acc", float("nan"), None, None, "no number"),
        ("acc", None, None, None, "nothing"),
        ("inst_level_strict_acc", [True, False], 0.5, 0, "instructions: all or none"),
        ("inst_level_strict_acc", [True, True], 1.0, 1, "all"),
        ("inst_level_strict_acc", [1, 1, 0], 2 / 3, 0, "as numbers"),
        ("inst_level_strict_acc", [], None, None, "no instruction"),
        ("mcc", [1, 1], 1.0, 1, "a label and a guess"),
        ("mcc", [1, 0], 0.0, 0, "another guess"),
        ("byte_perplexity", [-20.0, 10], 7.389056, None, "per byte"),
        ("byte_perplexity", [-20.0, 0], None, None, "of nothing"),
        ("byte_perplexity", [-1e9, 1], None, None, "beyond all numbers"),
        ("bleu", ["Kaixo mundua", "Kaixo mundua"], 100.0, None, "of the sentence"),
    ],
)
def test_the_score_of_an_item(
    metric: str, value: Any, score: float | None, right: int | None, why: str
) -> None:
    form = load_catalogue().metrics[metric].form
    found = answer_of(row({"resps": [["x"]], metric: value}), metric, form, "eu")
    assert found.get("s") == (score if score is None else pytest.approx(score)), why
    assert found.get("g") == right, why


def test_a_log_likelihood_alone_is_shown_as_one() -> None:
    sample = {"resps": [["-20.5"]], "byte_perplexity": [-20.5, 10]}
    found = answer_of(row(sample), "byte_perplexity", "losses", "eu")
    assert found["l"] == [-20.5]
    assert "a" not in found


def test_an_answer_that_is_a_number_stays_an_answer() -> None:
    sample = {"resps": [["42"]], "filtered_resps": ["42"], "acc": 1.0}
    assert answer_of(row(sample), "acc", "right", "eu")["a"] == "42"


def test_what_a_filter_made_of_an_answer_stands_beside_it() -> None:
    sample = {"resps": [["Kaixo\n\nhau"]], "filtered_resps": ["Kaixo"], "acc": 1.0}
    found = answer_of(row(sample), "acc", "right", "eu")
    assert (found["a"], found["f"]) == ("Kaixo\n\nhau", "Kaixo")


def test_a_missing_answer_is_an_empty_one() -> None:
    assert answer_of(row({"resps": [[None]]}), "acc", "right", "eu")["a"] == ""
    assert answer_of(row({}), "acc", "right", "eu")["a"] == ""


def test_verdicts_come_with_their_reasons() -> None:
    sample = written_sample(1, "Idatzi komarik gabe.", "Bai, noski", False)
    found = answer_of(row(sample), "inst_level_strict_acc", "verdicts", "eu")
    ((name, stored, now, reason),) = found["v"]
    assert (name, stored, now) == ("punctuation:no_comma", False, False)
    assert "comma" in reason


def test_a_verdict_that_is_another_now_keeps_both() -> None:
    sample = written_sample(1, "Idatzi komarik gabe.", "Bai, noski", True)
    found = answer_of(row(sample), "inst_level_strict_acc", "verdicts", "eu")
    assert found["v"][0][1:3] == [True, False]


def test_health_is_what_the_sample_says() -> None:
    sample = {
        **written_sample(1, "Idatzi.", "Kaixo", True),
        "stop_rate": False,
        "run_on_rate": True,
        "loop_rate": False,
    }
    found = answer_of(row(sample), "inst_level_strict_acc", "verdicts", "eu")
    assert set(found["h"]) == {"run_on"}
    assert found["o"] == 0
