"""How often the decision is right, on real passages and on answers made of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from own_passages import draw

from lm_eval_iberian.languages import decide_language, identify


Rows = list[dict[str, Any]]
OURS = ("eu", "gl", "ca", "es", "en")
MIXED = (*OURS, "pt")
# the best single library tells 88 of 100 short Galician passages
SHORT = {"eu": 0.95, "gl": 0.92, "ca": 0.95, "es": 0.95, "en": 0.95}
ANSWERS = 300


@pytest.fixture(scope="module")
def passages(reference: Path) -> Rows:
    lines = (reference / "text" / "languages.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def pools(passages: Rows) -> dict[str, list[str]]:
    return {
        lang: [
            row["text"]
            for row in passages
            if row["lang"] == lang and row["bucket"] != "short"
        ]
        for lang in MIXED
    }


@pytest.mark.parametrize("case", [str, str.upper])
@pytest.mark.parametrize("bucket", ["short", "medium", "long"])
def test_passages_are_recognised(
    passages: Rows, bucket: str, case: Callable[[str], str]
) -> None:
    total: Counter[str] = Counter()
    named: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for row in passages:
        lang, text = row["lang"], case(row["text"])
        if row["bucket"] == bucket and lang in OURS:
            total[lang] += 1
            named[lang] += identify(text) == lang
            accepted[lang] += decide_language(text, lang).status == "accepted"
    for lang in OURS:
        least = SHORT[lang] if bucket == "short" else 0.99
        assert total[lang] > 100
        assert named[lang] / total[lang] >= least, (lang, "named")
        assert accepted[lang] / total[lang] >= least, (lang, "accepted")


@pytest.mark.parametrize(
    ("bucket", "most"), [("short", 0.01), ("medium", 0.001), ("long", 0.0)]
)
def test_passages_in_another_language_are_not_accepted(
    passages: Rows, bucket: str, most: float
) -> None:
    """Asturian is among them; a language and its kin share some short lines."""
    asked = wrong = 0
    for row in passages:
        if row["bucket"] == bucket:
            for wanted in set(OURS) - {row["lang"]}:
                asked += 1
                wrong += decide_language(row["text"], wanted).status == "accepted"
    assert asked > 4000
    assert wrong / asked <= 2 * most, wrong


def test_whole_answers_are_accepted(pools: dict[str, list[str]]) -> None:
    refused = []
    for number in range(ANSWERS):
        lang = MIXED[number % len(MIXED)]
        parts = [
            draw(pools[lang], f"whole {number} {part}")
            for part in range(4 + number % 5)
        ]
        decision = decide_language(("\n\n", "\n", " ")[number % 3].join(parts), lang)
        if decision.status != "accepted":
            refused.append(decision)
    assert len(refused) <= 0.005 * ANSWERS, refused


@pytest.mark.parametrize("separator", ["\n", " "], ids=["lines", "one line"])
def test_answers_in_two_languages_are_not_accepted(
    pools: dict[str, list[str]], separator: str
) -> None:
    pairs = list(permutations(MIXED, 2))
    asked = wrong = 0
    for number in range(ANSWERS // 2):
        most, least = pairs[number % len(pairs)]
        parts = [draw(pools[most], f"most {number} {part}") for part in range(8)]
        fifth = sum(map(len, parts)) // 4
        other = ""
        while len(other) < fifth:
            other += draw(pools[least], f"least {number} {len(other)}") + " "
        parts.insert(number % 9, other[:fifth])
        for wanted in (most, least):
            asked += 1
            text = separator.join(parts)
            wrong += decide_language(text, wanted).status == "accepted"
    assert wrong <= 0.005 * asked, wrong
