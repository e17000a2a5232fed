"""What holds for every answer to every instruction."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lm_eval_iberian.ifeval import INSTRUCTIONS, Verdict, check, score_row
from lm_eval_iberian.languages import available_languages


FRAGMENTS = [
    "ama", "Amaren", "KAIXO", "baso", "a, b", ".", "!", "\n", "\n\n", " ", "*", "**",
    "***", "******", "_", "- ", "# ", "[x]", "[izena]", "<<", ">>", "«", "»", '"',
    "“", "{", "}", "P.S. ", "1. ATALA", "```", "<think>", "</think>", "Agur.", "3,5",
    "\u0301", "ñ", "Idatzi poema bat.", "Nire erantzuna agian da.", "\ud800", "\r\n",
]  # fmt: skip
ANSWERS = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join),
)
LANGUAGES = available_languages()
relaxed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def row(arguments: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "key": 1,
        "prompt": "Idatzi poema bat.",
        "instruction_id_list": list(INSTRUCTIONS),
        "kwargs": [arguments[name] for name in INSTRUCTIONS],
    }


@relaxed
@given(answer=ANSWERS, lang=st.sampled_from(LANGUAGES))
def test_strict_implies_loose_and_every_verdict_has_a_reason(
    arguments: dict[str, dict[str, Any]], answer: str, lang: str
) -> None:
    score = score_row(row(arguments), answer, lang=lang)
    for strict, loose in zip(score.strict, score.loose, strict=True):
        assert strict.reason
        assert loose.reason
        assert loose.followed or not strict.followed


@relaxed
@given(answer=ANSWERS)
def test_composition_changes_no_verdict(
    arguments: dict[str, dict[str, Any]], answer: str
) -> None:
    composed, decomposed = (
        score_row(row(arguments), unicodedata.normalize(form, answer), lang="eu")
        for form in ("NFC", "NFD")
    )
    assert composed.strict == decomposed.strict
    assert composed.loose == decomposed.loose


@relaxed
@given(answer=ANSWERS)
def test_a_row_gives_the_verdicts_of_its_instructions(
    arguments: dict[str, dict[str, Any]], answer: str
) -> None:
    score = score_row(row(arguments), answer, lang="eu")
    for name, verdict in zip(score.instruction_ids, score.strict, strict=True):
        single = check(
            name, arguments[name], answer, lang="eu", prompt="Idatzi poema bat."
        )
        assert single == verdict


@given(
    term=st.text(
        st.characters(categories=["Lu", "Ll", "P", "S"]), min_size=1, max_size=8
    ),
    lang=st.sampled_from(LANGUAGES),
)
def test_a_keyword_is_found_where_it_stands_alone(term: str, lang: str) -> None:
    answer = f"x {term} x"
    kwargs = {"keywords": [term]}
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, answer)
        assert check("keywords:existence", kwargs, text, lang=lang).followed
    forbidden = {"forbidden_words": [term]}
    verdict = check("keywords:forbidden_words", forbidden, answer, lang=lang)
    assert not verdict.followed


@pytest.mark.parametrize(
    "answer", ["", " \n\t", None, "<think>abc", "<think>a</think>"]
)
@pytest.mark.parametrize("name", sorted(INSTRUCTIONS))
def test_an_empty_answer_follows_nothing(
    arguments: dict[str, dict[str, Any]], name: str, answer: str | None
) -> None:
    verdict = check(name, arguments[name], answer, lang="eu")
    assert not verdict.followed
    assert "empty" in verdict.reason


def test_a_verdict_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="reason"):
        Verdict(True, " ")
