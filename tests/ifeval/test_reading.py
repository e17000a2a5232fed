"""An answer is read once: what stands around it, and its markup, for every check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval_iberian.health import examine, without_thoughts
from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.data import Prompt, languages, load
from lm_eval_iberian.languages import is_blank, typed_alike


AROUND = [
    ("", "<|im_end|>"),
    ("", "<|eot_id|>\n"),
    ("", "</s>"),
    ("", " <|end_of_text|><|endoftext|>"),
    ("<|im_start|>assistant\n", "<|im_end|>"),
    ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    ("<start_of_turn>model\n", "<end_of_turn>"),
    ("<answer>", "</answer>"),
    ("<final_answer>\n", "\n</final_answer>"),
    ("", "</response>"),
    ("<think>Hm, bai, ondo.</think><answer>", "</answer><|im_end|>"),
    ("\ufeff", "\u200b"),
]


def golden(root: Path, lang: str) -> Iterator[tuple[Prompt, str]]:
    lines = (root / f"data/ifeval/mini/golden/{lang}.jsonl").read_text("utf-8")
    rows = {row["key"]: row for row in map(json.loads, lines.splitlines())}
    for prompt in load(lang, "mini"):
        for name in ("compliant", "non_compliant"):
            yield prompt, rows[prompt.key][name]


@pytest.mark.parametrize("lang", languages("mini"))
def test_what_stands_around_an_answer_changes_no_verdict(root: Path, lang: str) -> None:
    for number, (prompt, answer) in enumerate(golden(root, lang)):
        before, behind = AROUND[number % len(AROUND)]
        plain = score_row(prompt, answer)
        wrapped = score_row(prompt, f"{before}{answer}{behind}")
        assert wrapped.strict == plain.strict, (before, behind, prompt.key)


@pytest.mark.parametrize(("before", "behind"), AROUND[:-1])
def test_it_is_counted(before: str, behind: str) -> None:
    health = examine(f"{before}Kaixo, lagun.{behind}", "Agurtu.")
    assert health.left_marks, health
    assert health.rates()["left_marks_rate"]
    assert not health.run_on
    assert not health.empty


def test_nothing_around_is_not_counted() -> None:
    health = examine("Kaixo, <lagun>.", "Agurtu.")
    assert health.left_marks is None
    assert not health.rates()["left_marks_rate"]


@pytest.mark.parametrize(
    ("answer", "prompt", "why"),
    [
        ("Amaiera: </s>", "Amaitu zure erantzuna </s> markarekin.", "an end token"),
        ("<answer>Bai</answer>", "Jarri erantzuna <answer> etiketan.", "a wrapper"),
        ("<think>a</think> b", "Write <think>a</think> b.", "a thought"),
        ("Hola.<|im_end|> Adiós.", "Saluda.", "text behind it is another turn"),
    ],
)
def test_what_is_asked_for_stays(answer: str, prompt: str, why: str) -> None:
    assert without_thoughts(answer, prompt).text == answer, why


def test_a_text_behind_a_wrapper_stays() -> None:
    spoken = without_thoughts("<answer>Bai</answer>\nHala da.")
    assert (spoken.text, spoken.marks) == ("Bai\nHala da.", ("<answer>",))


@pytest.mark.parametrize(
    "answer", ["", " \n", "\u200b", "\ufeff\n", "\u2060", "\0", "\u2800", "<|eot_id|>"]
)
def test_an_answer_that_shows_nothing_is_empty(answer: str) -> None:
    assert examine(answer).empty
    row = {"prompt": "?", "instruction_id_list": ["punctuation:no_comma"]}
    score = score_row(row | {"kwargs": [{}]}, answer, lang="eu")
    assert score.strict[0].reason == "the answer is empty"
    assert not score.loose[0].followed


@pytest.mark.parametrize("text", ["a", ".", "😀", "\u200bñ", "1\ufe0f\u20e3"])
def test_a_text_that_shows_something_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("etc…", "etc..."),
        ("rock – paper", "rock - paper"),
        ("rock — paper", "rock -- paper"),
        ("well–being", "well-being"),
        ("Yours — Ann", "Yours -- Ann"),
        ("n.° 1", "n.º 1"),
        ("EE. UU.", "EE.UU."),
        ("a. m.", "a.m."),
        ("J. R. R. Tolkien", "J.R.R. Tolkien"),
    ],
)
def test_what_is_typed_in_two_ways_is_alike(one: str, other: str) -> None:
    assert typed_alike(one) == typed_alike(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a-b", "a--b"), ("a. Mes", "a.Mes"), ("co-op", "coop"), ("fin. Sí", "fin.Sí")],
)
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert typed_alike(one) != typed_alike(other)
