"""How often the decision is right on the project's own passages, as on real ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from own_passages import LANGUAGES, draw, own_passages

from lm_eval_iberian.languages import decide_language, identify


pytestmark = pytest.mark.slow

ROWS = own_passages()
MIXED = (*LANGUAGES, "pt")
ANSWERS = 60
POOLS = {
    lang: [r["text"] for r in ROWS if r["lang"] == lang and r["bucket"] != "short"]
    for lang in MIXED
}


@pytest.mark.parametrize("case", [str, str.upper])
@pytest.mark.parametrize(
    ("bucket", "passages", "least"),
    [("short", 80, 0.98), ("medium", 50, 1.0), ("long", 12, 1.0)],
)
def test_own_passages_are_recognised(
    bucket: str, passages: int, least: float, case: Callable[[str], str]
) -> None:
    for lang in LANGUAGES:
        texts = [
            case(row["text"])
            for row in ROWS
            if (row["lang"], row["bucket"]) == (lang, bucket)
        ]
        assert len(texts) >= passages
        named = sum(identify(text) == lang for text in texts)
        accepted = sum(decide_language(t, lang).status == "accepted" for t in texts)
        assert named / len(texts) >= least, (lang, "named")
        assert accepted / len(texts) >= least, (lang, "accepted")


@pytest.mark.parametrize(
    ("bucket", "most"), [("short", 1 / 1000), ("medium", 1 / 1000), ("long", 0)]
)
def test_own_passages_in_another_language_are_not_accepted(
    bucket: str, most: float
) -> None:
    """A Galician question reads as Spanish, an Asturian sentence nearly does."""
    wrong = [
        (wanted, row["text"])
        for row in ROWS
        if row["bucket"] == bucket
        for wanted in sorted(set(LANGUAGES) - {row["lang"]})
        if decide_language(row["text"], wanted).status == "accepted"
    ]
    asked = sum(4 + (r["lang"] not in LANGUAGES) for r in ROWS if r["bucket"] == bucket)
    assert asked > 250
    assert len(wrong) / asked <= most, wrong


def test_own_answers_are_accepted_whole() -> None:
    refused = []
    for number in range(ANSWERS):
        lang = MIXED[number % len(MIXED)]
        keys = [f"whole {number} {part}" for part in range(4 + number % 5)]
        parts = [draw(POOLS[lang], key) for key in keys]
        decision = decide_language(("\n\n", "\n", " ")[number % 3].join(parts), lang)
        refused += [decision] if decision.status != "accepted" else []
    assert refused == []


@pytest.mark.parametrize("separator", ["\n", " "], ids=["lines", "one line"])
def test_own_answers_in_two_languages_are_not_accepted(separator: str) -> None:
    wrong = []
    for number, (most, least) in enumerate(permutations(MIXED, 2)):
        parts = [draw(POOLS[most], f"most {number} {part}") for part in range(8)]
        fifth = sum(map(len, parts)) // 4
        other = ""
        while len(other) < fifth:
            other += draw(POOLS[least], f"least {number} {len(other)}") + " "
        parts.insert(number % 9, other[:fifth])
        text = separator.join(parts)
        wrong += [
            (wanted, text)
            for wanted in (most, least)
            if decide_language(text, wanted).status == "accepted"
        ]
    assert wrong == []
