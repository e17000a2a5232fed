"""Whether an answer was cut off: who knows is believed, else its end tells."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lm_eval_iberian.health import Generation, Health, examine
from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.scoring import score_by


BASQUE = (
    "Gaur goizean goiz jaiki naiz eta mendira joan naiz lagunekin. Eguraldia ederra "
    "zen, eta gailurretik itsasoa ikusi dugu."
)
ENGLISH = (
    "This morning I got up early and went to the mountains with my friends. The "
    "weather was lovely, and we saw the sea."
)
LONG = BASQUE + (
    " Bazkalordurako herrira jaitsi ginen, eta plazako tabernan babarrunak eskatu "
    "genituen. Arratsaldean, berriz, euria hasi zuen; aterperik ez genuenez, eliza "
    "zaharrean sartu ginen. Han, apaizak kanpandorreko giltza utzi zigun, eta ekaitza "
    "baretu arte goitik begira egon ginen. Iluntzean etxera itzuli ginenean, blai "
    "eginda baina pozik, amak salda beroa prest zeukan."
)
CUT = LONG[:-20]


WORDS = [
    "itsasoa",
    "ikusi",
    "dugu",
    "gaur",
    "goizean",
    "goiz",
    "mendi",
    "gailurretik",
    "lagun",
    "artean",
]
VERSES = "\n".join(" ".join(WORDS[n:] + WORDS[:n]) for n in range(10))


def row(prompt: str = "Idatzi zerbait.", **kwargs: Any) -> dict[str, Any]:
    ids = ["language:response_language"] if kwargs else ["punctuation:no_comma"]
    return {
        "key": 1,
        "prompt": prompt,
        "instruction_id_list": ids,
        "kwargs": [kwargs],
        "lang": "eu",
    }


def health(answer: str | None, **more: Any) -> Health:
    return score_row(row(**more), answer).answered.health


def test_an_answer_in_another_language_is_off() -> None:
    assert health(ENGLISH).off_language
    assert not health(BASQUE).off_language
    assert not health("OK").off_language


def test_the_language_that_is_asked_for_is_not_off() -> None:
    assert not health(ENGLISH, language="en").off_language
    assert health(BASQUE, language="en").off_language
    assert not health(ENGLISH, prompt="Idatzi gutun bat ingelesez.").off_language


@pytest.mark.parametrize(
    ("answer", "no_stop"),
    [
        (LONG, False),
        (CUT, True),
        (f"{BASQUE}\n\n{re.sub(r'[.,;]', '', LONG)}", False),
        (f"{BASQUE}\n\n{re.sub(r'[.,;]', '', LONG)} Eta,", True),
        (LONG + "\n\nZure lagun,\nAne", False),
        (LONG + "\n\n* " + BASQUE[:-1], False),
        (VERSES, False),
        (
            LONG + "\n\nBihar ere mendira joango gara lagun guztiekin #mendia",
            False,
        ),
        ("Kaixo eta", False),
        ("<think>" + BASQUE, True),
        ("", False),
        ("Bai, noski. " + "Eta gero etxera joan ginen. " * 80, True),
    ],
)
def test_a_long_answer_that_ends_inside_a_sentence_seems_cut_off(
    answer: str, no_stop: bool
) -> None:
    assert bool(health(answer).no_stop) is no_stop


def tokens(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    ("answer", "known", "no_stop", "why"),
    [
        (BASQUE, Generation(finish_reason="length"), True, "the server says so"),
        (BASQUE, Generation(finish_reason="MAX_TOKENS"), True, "in Google's words"),
        (CUT, Generation(finish_reason="stop"), False, "the server says so"),
        (CUT, Generation(limit=10_000), False, "fewer bytes than tokens allowed"),
        (CUT, Generation(limit=100), True, "the limit may have been reached"),
        (BASQUE, Generation(limit=18, count_tokens=tokens), True, "it was reached"),
        (BASQUE, Generation(limit=20, count_tokens=tokens), True, "strip took two"),
        (CUT, Generation(limit=500, count_tokens=tokens), False, "it was not"),
        (
            CUT,
            Generation(limit=68, count_tokens=tokens),
            True,
            "near it, in a sentence",
        ),
        (LONG, Generation(limit=75, count_tokens=tokens), False, "near it, done"),
        (LONG[:-1], Generation(), True, "nothing explains the missing full stop"),
        (LONG[:-1], Generation(until=("Q:", ".\n\n")), False, "a stop string took it"),
        (LONG[:-1], Generation(until=("\n\n", "Q:")), True, "these take none"),
        (LONG + " Eta,", Generation(until=(".\n\n",)), True, "no stop ends in a comma"),
        (
            LONG[:-1],
            Generation(until=(".\n\n",), limit=68, count_tokens=tokens),
            True,
            "the limit was reached all the same",
        ),
    ],
)
def test_who_knows_is_believed(
    answer: str, known: Generation, no_stop: bool, why: str
) -> None:
    assert bool(examine(answer, generation=known).no_stop) is no_stop, why
    score, _ = score_by(row(), answer, generation=known)
    assert bool(score.answered.health.no_stop) is no_stop, why


@pytest.mark.parametrize("answer", [None, "", " \n", "<think>"])
def test_no_answer_is_empty(answer: str | None) -> None:
    assert health(answer).empty
    assert not health(answer).off_language
