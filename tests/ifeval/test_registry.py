"""Ids, aliases and arguments."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval import (
    INSTRUCTIONS,
    Instruction,
    check,
    punctuation,
    registry,
    resolve,
)


def test_there_are_googles_25_and_some_of_other_sets() -> None:
    assert len(INSTRUCTIONS) == 25
    assert all(name == item.id for name, item in registry.KNOWN.items())
    more = {name: one.character for name, one in registry.KNOWN.items()}
    assert {name for name, character in more.items() if not character} == set(
        INSTRUCTIONS
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("punctuation:no_comma", "punctuation:no_comma"),
        ("es:punctuation:no_comma", "punctuation:no_comma"),
        ("eu:startend:quotation", "startend:quotation"),
        ("ca:change_case:catalan_lowercase", "change_case:english_lowercase"),
        ("es:change_case:spanish_capital", "change_case:english_capital"),
        ("change_case:galician_capital", "change_case:english_capital"),
        ("change_case:basque_lowercase", "change_case:english_lowercase"),
        ("change_case:portuguese_capital", "change_case:english_capital"),
        ("fr:change_case:french_lowercase", "change_case:english_lowercase"),
        ("ja:punctuation:no_comma", "punctuation:no_comma"),
        ("de:change_case:german_capital", "change_case:english_capital"),
    ],
)
def test_prefixes_and_aliases(given: str, found: str) -> None:
    assert resolve(given).id == found


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("punctuation:no_commas", "punctuation:no_comma"),
        ("xx:punctuation:no_comma", "punctuation:no_comma"),
        ("change_case:klingon_capital", "change_case:english_capital"),
        ("no_comma", ""),
        ("", ""),
    ],
)
def test_an_unknown_id_names_the_nearest(given: str, near: str) -> None:
    wanted = rf"Did you mean .*{near}" if near else r"^Unknown instruction"
    with pytest.raises(UnknownNameError, match=wanted):
        resolve(given)


WORDS = "length_constraints:number_words"


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        (WORDS, {"num_words": 3}, "number_words: kwarg 'relation' is missing"),
        (WORDS, None, "number_words: kwarg 'num_words' is missing"),
        (WORDS, {"num_words": None, "relation": "at least"}, "'num_words' is missing"),
        (WORDS, {"num_word": 3}, "unknown kwarg 'num_word'.*Did you mean 'num_words'"),
        (WORDS, {"num_words": "3", "relation": "at least"}, "must be a whole number"),
        (WORDS, {"num_words": True, "relation": "at least"}, "must be a whole number"),
        (WORDS, {"num_words": 3.0, "relation": "at least"}, "must be a whole number"),
        (WORDS, {"num_words": -1, "relation": "at least"}, "must be a whole number"),
        (WORDS, {"num_words": 3, "relation": "al menos"}, "'less than' or 'at least'"),
        ("keywords:existence", {"keywords": {"a": 1}}, "must be a list of texts"),
        ("keywords:existence", {"keywords": []}, "must be a list of texts"),
        ("keywords:existence", {"keywords": ["a", " "]}, "none of them blank"),
        (
            "keywords:letter_frequency",
            {"letter": "ab", "let_frequency": 1, "let_relation": "at least"},
            "'letter' must be one character",
        ),
        (
            "punctuation:no_comma",
            {"num_words": 3},
            "no_comma: unknown kwarg.*no kwargs",
        ),
        (
            "length_constraints:number_paragraphs",
            {"num_paragraphs": 0},
            "a whole number from 1",
        ),
    ],
)
def test_wrong_arguments_are_named(
    name: str, kwargs: dict[str, Any] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        resolve(name).validate(kwargs)


def test_unused_arguments_may_be_none_and_zero_is_a_value() -> None:
    kwargs = {"num_words": 0, "relation": "at least", "keywords": None, "letter": None}
    given = resolve(WORDS).validate(kwargs)
    assert given == {"num_words": 0, "relation": "at least"}
    assert check(WORDS, kwargs, "Bai.", lang="eu").followed


def test_arguments_are_checked_for_an_empty_answer_too() -> None:
    with pytest.raises(DataError):
        check(WORDS, {}, "", lang="eu")


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("punctuation:question_marks", "'punctuation:question_marks' is another type"),
        ("special_character:enie", "'special_character:enie' is another type already"),
        ("change_case:basque_capital", "is read as 'change_case:english_capital'"),
        ("es:startend:opening", "is read as 'startend:opening'"),
        ("startend:quotation", "'startend:quotation' is another type already"),
    ],
)
def test_a_type_that_no_prompt_would_reach_cannot_be_added(
    monkeypatch: pytest.MonkeyPatch, added: str, message: str
) -> None:
    more = (*punctuation.INSTRUCTIONS, Instruction(added, punctuation.no_comma))
    monkeypatch.setattr(punctuation, "INSTRUCTIONS", more)
    with pytest.raises(DataError, match=message):
        runpy.run_path(registry.__file__)
