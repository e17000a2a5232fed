"""What is known of an answer besides its verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.conduct import Conduct
from lm_eval_iberian.ifeval.scoring import score_by


BASQUE = (
    "Gaur goizean goiz jaiki naiz eta mendira joan naiz lagunekin. Eguraldia ederra "
    "zen, eta gailurretik itsasoa ikusi dugu."
)
ENGLISH = (
    "This morning I got up early and went to the mountains with my friends. The "
    "weather was lovely, and we saw the sea."
)


def row(prompt: str = "Idatzi zerbait.", **kwargs: Any) -> dict[str, Any]:
    ids = ["language:response_language"] if kwargs else ["punctuation:no_comma"]
    return {
        "key": 1,
        "prompt": prompt,
        "instruction_id_list": ids,
        "kwargs": [kwargs],
        "lang": "eu",
    }


def conduct(answer: str | None, **more: Any) -> Conduct:
    return score_row(row(**more), answer).conduct


def test_an_answer_in_another_language_is_off() -> None:
    assert conduct(ENGLISH).off_language
    assert not conduct(BASQUE).off_language
    assert not conduct("OK").off_language


def test_the_language_that_is_asked_for_is_not_off() -> None:
    assert not conduct(ENGLISH, language="en").off_language
    assert conduct(BASQUE, language="en").off_language
    assert not conduct(ENGLISH, prompt="Idatzi gutun bat ingelesez.").off_language


@pytest.mark.parametrize(
    ("answer", "truncated"),
    [
        (BASQUE * 4, False),
        ((BASQUE * 4)[:-20], True),
        (BASQUE * 4 + "\n\nZure lagun,\nAne", False),
        (BASQUE * 4 + "\n\n* " + BASQUE[:-1], False),
        ("itsasoa ikusi dugu gaur goizean mendi gailurretik\n" * 12, False),
        (
            BASQUE * 4 + "\n\nBihar ere mendira joango gara lagun guztiekin #mendia",
            False,
        ),
        ("Kaixo eta", False),
        ("<think>" + BASQUE, True),
        ("", False),
    ],
)
def test_a_long_answer_that_ends_inside_a_sentence_seems_cut_off(
    answer: str, truncated: bool
) -> None:
    assert conduct(answer).truncated is truncated


@pytest.mark.parametrize("truncated", [False, True])
def test_who_knows_is_believed(truncated: bool) -> None:
    score, _ = score_by(row(), BASQUE, truncated=truncated)
    assert score.conduct.truncated is truncated


@pytest.mark.parametrize("answer", [None, "", " \n", "<think>"])
def test_no_answer_is_empty(answer: str | None) -> None:
    assert conduct(answer).empty
    assert not conduct(answer).off_language
