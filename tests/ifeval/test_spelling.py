"""Every prompt and golden answer is spelled as Hunspell's dictionaries have it.

What a dictionary lacks stands in ``spelling/{lang}.txt``: a word, a tab, the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from spelling import (
    DICTIONARIES,
    Text,
    Unknown,
    allow_list,
    idle_entries,
    listed,
    misspelled,
    require_dictionary,
    unknown_spellings,
    words,
    wrong_words,
)

from lm_eval_iberian.ifeval.data import languages
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.languages import decide_language


pytestmark = pytest.mark.slow  # asks Hunspell
MINI: Final = Path(__file__).parents[2] / "data" / "ifeval" / "mini"


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path)]


def texts(lang: str) -> Iterator[Text]:
    """Yield what the files of a language hold; other languages only where we can."""
    answers_in = {}
    for row in rows(MINI / f"{lang}.jsonl"):
        asked = [kw["language"] for kw in row["kwargs"] if kw.get("language")]
        answers_in[row["key"]] = asked[0] if asked else lang
        yield Text(f"prompt {row['key']}", row["prompt"], (lang,))
    for row in rows(MINI / "golden" / f"{lang}.jsonl"):
        wanted = answers_in[row["key"]]
        if wanted in DICTIONARIES:
            yield Text(f"compliant {row['key']}", row["compliant"], (wanted,))
        answer = row["non_compliant"]
        found = language_of(answer, (wanted, lang, *DICTIONARIES))
        if found in DICTIONARIES or not found:
            allowed = (found,) if found else tuple(DICTIONARIES)
            yield Text(f"non_compliant {row['key']}", answer, allowed)


def language_of(text: str, candidates: tuple[str, ...]) -> str:
    """Return the first candidate that a text is plainly in, or nothing."""
    for lang in dict.fromkeys(candidates):
        if decide_language(text, lang).status == "accepted":
            return lang
    return ""


@cache
def unknown() -> Unknown:
    return unknown_spellings(t for lang in languages("mini") for t in texts(lang))


def allowed_words(lang: str) -> Path:
    return MINI / "spelling" / f"{lang}.txt"


@pytest.mark.parametrize("lang", languages("mini"))
def test_every_word_is_in_the_dictionary(lang: str) -> None:
    require_dictionary(lang, unknown())
    assert wrong_words(texts(lang), unknown(), allow_list(allowed_words(lang))) == {}


@pytest.mark.parametrize("lang", languages("mini"))
def test_the_allow_list_holds_only_what_it_must(lang: str) -> None:
    require_dictionary(lang, unknown())
    allowed = allow_list(allowed_words(lang))
    assert [word for word, reason in allowed.items() if not reason] == []
    idle = idle_entries(texts(lang), unknown(), allowed)
    assert idle == [], "known, or in none of the texts"


@pytest.mark.parametrize("lang", languages("mini"))
def test_the_allow_list_has_no_word_twice(lang: str) -> None:
    found = listed(allowed_words(lang))
    assert sorted(found) == sorted(set(found))


def test_a_wrong_word_is_seen() -> None:
    require_dictionary("en", unknown())
    spellings = ["receive", "recieve", "don't", "well-known", "P.S.", "Paris", "paris"]
    assert misspelled(spellings, "en") == frozenset({"recieve", "paris"})


def test_words_are_taken_out_of_their_markup() -> None:
    text = "**Bold** [name] <<A Title>> don’t _it_ a_b 3B https://a.example/recieve да"
    expected = ["Bold", "name", "Title", "don't", "it", "a_b"]
    assert [word for word, _ in words(text)] == expected
    assert words("ON MONDAY") == [
        ("ON", ("on", "On")),
        ("MONDAY", ("monday", "Monday")),
    ]
    assert words("```\nhola\n```\nKaixo P.S. l’aigua") == [
        ("Kaixo", ("Kaixo",)), ("P.S.", ("P.S.",)), ("l'aigua", ("l'aigua",))
    ]  # fmt: skip
