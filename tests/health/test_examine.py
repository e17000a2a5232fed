"""Verdicts on answers in five languages: run-ons, loops, first turns (cases/)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.health import Generation, examine
from lm_eval_iberian.languages import available_languages


CASES = Path(__file__).with_name("cases")
# Cut a turn late.
CUT_LATE = {"en-011-b"}


def rows() -> list[Any]:
    """Return the rows of the tables."""
    return [
        pytest.param(path.stem, json.loads(line), id=json.loads(line)["id"])
        for path in sorted(CASES.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("lang", "row"), rows())
def test_finds_what_a_reader_finds(lang: str, row: dict[str, Any]) -> None:
    """Finds the run-on and the loop of an answer, and no others."""
    health = examine(row["response"], row["prompt"], lang)
    for key in ("run_on", "loop"):
        found = getattr(health, key)
        assert bool(found) == row[key], (key, found, row["why"])
    if row["run_on"] and row["id"] not in CUT_LATE:
        assert health.first_turn == row["first_turn"].rstrip()


@pytest.mark.parametrize(("lang", "row"), rows()[::25])
def test_finds_it_in_some_of_them(lang: str, row: dict[str, Any]) -> None:
    """Does so for some rows of each language, which take no time."""
    test_finds_what_a_reader_finds(lang, row)


def test_every_language_has_a_table() -> None:
    """Has rows of both kinds in each language that has a pack."""
    found = {path.stem for path in CASES.glob("*.jsonl")}
    assert found == set(available_languages())


HOSTILE = {
    "one character": "a" * 1_000_000,
    "line ends": "\n" * 1_000_000,
    "turns": "User: hi\nAssistant: hello\n" * 10_000,
    "speakers": "Ana: hi\nJon: hello\n\n" * 10_000,
    "backticks": "`" * 1_000_000,
    "fences": "".join("`" * (3 + i % 50) + "\nx\n" for i in range(20_000)),
    "underscores": "_" * 500_000 + "a",
    "sums": "12 + 13 = 25\n" * 60_000,
    "half tokens": "<|" * 500_000,
    "thanks": "Thanks. Can you?\n\n" * 50_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["", "Q: a\nA: b\nQ: c\nA:", "Write. " * 50_000])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_cost_is_bounded(name: str, prompt: str) -> None:
    """Takes no longer for a megabyte of anything than for a long answer."""
    examine("warm", prompt)
    started = time.process_time()
    examine(HOSTILE[name], prompt)
    assert time.process_time() - started < 1.0


@given(st.text(max_size=400), st.text(max_size=100))
def test_the_first_turn_begins_the_answer(response: str, prompt: str) -> None:
    """Gives a beginning of the answer, all of it where nothing runs on."""
    health = examine(response, prompt)
    assert response.startswith(health.first_turn)
    assert health.run_on is not None or health.first_turn == response


def test_a_model_s_own_marks_count() -> None:
    """Takes further turn marks, those of a model's own template."""
    answer = "Kaixo!\n@@user@@\nEta gero?"
    assert examine(answer).run_on is None
    health = examine(answer, generation=Generation(markers=("@@user@@",)))
    assert health.run_on == "'@@user@@' stands in the answer as text"
    assert health.first_turn == "Kaixo!"


@pytest.mark.parametrize(
    ("response", "prompt", "key", "why"),
    [
        ("  \n", "Kontatu zerbait.", "empty", "white space"),
        (
            "Idatzi ipuin labur bat itsasoaz eta haizeaz.",
            "Idatzi ipuin labur bat itsasoaz eta haizeaz.",
            "copied_prompt",
            "the prompt again",
        ),
        (
            "El mar estaba en calma y las barcas volvían despacio hacia el puerto.",
            "Idatzi esaldi bat itsasoaz.",
            "off_language",
            "Spanish for Basque",
        ),
    ],
)
def test_other_troubles(response: str, prompt: str, key: str, why: str) -> None:
    """Finds an empty answer, a copied prompt, another language."""
    health = examine(response, prompt, "eu")
    assert getattr(health, key), why
    others = {"empty", "copied_prompt", "off_language", "run_on", "loop"} - {key}
    assert not any(getattr(health, other) for other in others)
