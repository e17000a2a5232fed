"""Rows, variants, thoughts and accuracies."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.health.thoughts import without_thoughts
from lm_eval_iberian.ifeval import Metrics, RowScore, aggregate, check, score_row
from lm_eval_iberian.ifeval.data import Prompt
from lm_eval_iberian.ifeval.scoring import score_by


COMMA, QUOTE = "punctuation:no_comma", "startend:quotation"


def row(*ids: str, key: int = 1) -> dict[str, Any]:
    return {
        "key": key,
        "prompt": "Agurtu.",
        "instruction_id_list": list(ids),
        "kwargs": [{} for _ in ids],
    }


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Hona, hemen:\nKaixo denoi.", "without the first line"),
        ("Kaixo denoi.\nEta hori, besterik ez.", "without the last line"),
        ("Hona, hemen:\nKaixo.\nAgur, ba.", "without the first and the last line"),
    ],
)
def test_a_loose_verdict_names_its_variant(answer: str, name: str) -> None:
    score = score_row(row(COMMA), answer, lang="eu")
    assert not score.strict[0].followed
    assert score.loose[0].followed
    assert score.loose[0].reason.startswith(f"{name}: ")


def test_stars_may_go_in_the_loose_verdict() -> None:
    score = score_row(row(QUOTE), '**"Kaixo denoi."**', lang="eu")
    assert (score.strict[0].followed, score.loose[0].followed) == (False, True)
    assert score.loose[0].reason.startswith("without stars: ")


def test_a_row_may_be_an_object_with_its_own_language() -> None:
    prompt = Prompt(7, "Agurtu.", ("eu:punctuation:no_comma",), ({},), "eu")
    score = score_row(prompt, "Kaixo denoi.")
    assert score.key == 7
    assert score.instruction_ids == (COMMA,)
    assert score.strictly_followed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kwargs": []}, "Row 1: 1 instructions but 0 kwargs"),
        ({"kwargs": [{"a": 1}]}, "Row 1: punctuation:no_comma: unknown kwarg 'a'"),
        ({"lang": None}, "Row 1: it names no language"),
    ],
)
def test_a_wrong_row_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        score_row(row(COMMA) | {"lang": "eu"} | changed, "Kaixo.")


def test_a_row_without_a_field_is_named() -> None:
    with pytest.raises(DataError, match="Row 3: it has no 'kwargs'"):
        score_row({"key": 3, "prompt": "", "instruction_id_list": []}, "", lang="eu")


def test_two_scorings_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"'mended'.*: original, repaired"):
        check(COMMA, {}, "Kaixo.", lang="eu", scoring="mended")
    with pytest.raises(UnknownNameError):
        score_row(row(COMMA), "Kaixo.", lang="eu", scoring="mended")


def test_the_original_scoring_keeps_what_the_repaired_mends() -> None:
    for scoring, followed in (("repaired", True), ("original", False)):
        thought = "<think>a, b</think>Kaixo."
        assert (
            check(COMMA, {}, thought, lang="eu", scoring=scoring).followed is followed
        )
        score = score_row(row(COMMA), thought, lang="eu", scoring=scoring)
        assert score.strictly_followed is followed


def test_the_original_scoring_says_why_not() -> None:
    verdict = check(COMMA, {}, "Bai, noski.", lang="eu", scoring="original")
    assert "comma" in verdict.reason
    kwargs = {"language": "eu"}
    left_out = check(
        "language:response_language", kwargs, "Bai.", lang="eu", scoring="original"
    )
    assert "leaves this type out" in left_out.reason


def test_the_original_scoring_sees_the_row_as_it_was_published() -> None:
    ids = (COMMA, "keywords:existence")
    published = (ids, ({}, {"keywords": "baso"}))  # one string: letter by letter
    given = row(COMMA) | {"published": published, "lang": "eu"}
    repaired, original = score_by(given, "Obs a.")
    assert repaired.instruction_ids == (COMMA,)
    assert original.instruction_ids == ids
    assert original.strictly_followed


def test_what_no_answer_can_follow_is_flagged() -> None:
    lower = "change_case:english_lowercase"
    given = row(COMMA, lower, QUOTE) | {"lang": "eu"}
    score = score_row(given | {"unsatisfiable": [False, False, True]}, "kaixo")
    # the paper's check for small letters asks for capital ones
    assert score.satisfiable == (True, False, False)


@pytest.mark.parametrize(
    ("answer", "text", "unclosed"),
    [
        ("Kaixo.", "Kaixo.", False),
        ("<think>a, b</think>\nKaixo.", "Kaixo.", False),
        ("<THINK>a</Think>Kaixo.", "Kaixo.", False),
        ("a, b</think>\n\nKaixo.", "Kaixo.", False),
        ("<think>a", "", True),
        ("Kaixo.\n<think>a", "", True),
        ("<think></think>", "", False),
        ("<thinking>a</thinking>Kaixo.<thought>\nb</thought>", "Kaixo.", False),
        ("<think>a <thinking> b</think>Kaixo.", "Kaixo.", False),
        ("Erabili <think> etiketa.", "Erabili <think> etiketa.", False),
        ("[THINK]a[/THINK]Kaixo.", "Kaixo.", False),
        ("◁think▷a◁/think▷Kaixo.", "Kaixo.", False),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant"
            "<|channel|>final<|message|>Kaixo.<|return|>",
            "Kaixo.",
            False,
        ),
        ("<|channel|>final<|message|>Kaixo.", "Kaixo.", False),
        ("<|channel|>analysis<|message|>a", "", True),
    ],
)  # fmt: skip
def test_thoughts_are_set_aside(answer: str, text: str, unclosed: bool) -> None:
    spoken = without_thoughts(answer)
    assert (spoken.text, spoken.unclosed) == (text, unclosed)


def test_thoughts_are_set_aside_before_the_variants() -> None:
    score = score_row(row(COMMA), "<think>\na, b\n</think>\nKaixo.", lang="eu")
    assert score.strict[0].followed
    broken = score_row(row(COMMA), "Kaixo.\n<think>\nhm", lang="eu")
    assert broken.answered.health.empty
    assert broken.answered.health.unclosed_thought
    assert "inside a thought" in broken.strict[0].reason
    assert not broken.loose[0].followed


def scored(*answers: tuple[tuple[str, ...], str | None]) -> Metrics:
    return aggregate(score_row(row(*ids), text, lang="eu") for ids, text in answers)


def test_accuracies() -> None:
    metrics = scored(
        ((COMMA,), "Kaixo denoi."),
        ((COMMA, QUOTE), '"Kaixo, denoi."'),
        ((COMMA,), "Bai, hona:\nKaixo."),
        ((COMMA,), None),
        ((COMMA,), "<think>a"),
        ((), "Edozer."),
    )
    assert metrics.prompt_level_strict_acc == 1 / 5
    assert metrics.inst_level_strict_acc == 2 / 6
    assert metrics.prompt_level_loose_acc == 2 / 5
    assert metrics.inst_level_loose_acc == 3 / 6
    assert (metrics.prompts, metrics.instructions, metrics.left_out) == (5, 6, 1)
    assert metrics.empty_rate == 2 / 5
    assert metrics.unclosed_thought_rate == 1 / 5
    assert metrics.no_stop_rate == 1 / 5
    assert metrics.off_language_rate == 0
    assert metrics.inst_level_strict_acc_macro == pytest.approx((1 / 5 + 1) / 2)
    assert set(metrics.stderr) >= {"prompt_level_loose_acc", "inst_level_loose_acc"}
    by = metrics.by_instruction
    assert list(by) == [COMMA, QUOTE]
    assert (by[COMMA].strict, by[COMMA].loose, by[COMMA].count) == (1 / 5, 2 / 5, 5)


def test_nothing_scored_is_no_number() -> None:
    metrics = scored(((), "Edozer."))
    assert math.isnan(metrics.prompt_level_strict_acc)
    assert math.isnan(metrics.inst_level_loose_acc)
    assert (metrics.prompts, metrics.left_out) == (0, 1)


def test_a_row_without_instructions_follows_nothing() -> None:
    score: RowScore = score_row(row(), "Edozer.", lang="eu")
    assert not score.counts
    assert not score.strictly_followed
    assert not score.loosely_followed


LIMITS = [
    ("at least", 6, "less than", 6, False, "six or more, and fewer than six"),
    ("at least", 6, "less than", 7, True, "six keep both"),
    ("less than", 5, "less than", 4, True, "three keep both"),
    ("at least", 400, "at least", 336, True, "400 keep both"),
    ("less than", 2, "at least", 3, False, "turned the other way round"),
]


@pytest.mark.parametrize(
    ("relation", "number", "was", "before", "expected", "why"), LIMITS
)
def test_a_limit_that_was_turned_round_cannot_be_kept_by_both(
    relation: str, number: int, was: str, before: int, expected: bool, why: str
) -> None:
    name = "length_constraints:number_words"
    row = {
        "prompt": "Write.",
        "instruction_id_list": [name],
        "kwargs": [{"num_words": number, "relation": relation}],
        "published": ([name], [{"num_words": before, "relation": was}]),
    }
    for scoring in ("repaired", "original"):
        score = score_row(row, "One.", lang="en", scoring=scoring)
        assert score.satisfiable == (expected,), why


def test_an_answer_to_the_published_text_keeps_its_words() -> None:
    prompt = Prompt(
        1,
        "Use these words: well maybe.",
        ("keywords:existence",),
        ({"keywords": ["well maybe"]},),
        "en",
        published_prompt="Use these words: well may be.",
        answer_forms=(("may be", "maybe"),),
    )
    for response, published, repaired in (
        ("Well may be so.", True, False),
        ("Well maybe so.", True, True),
        ("Well, so.", False, False),
        (None, False, False),
    ):
        for to_published, expected in ((True, published), (False, repaired)):
            scores = score_by(prompt, response, to_published=to_published)
            assert scores[0].strict[0].followed is expected, response
            assert scores[0].loose[0].followed is expected, response
            assert scores[1].strict == score_by(prompt, response)[1].strict
