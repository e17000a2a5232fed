"""Every prompt and golden answer is spelled as Hunspell's dictionaries have it.

What a dictionary lacks stands in ``spelling/{lang}.txt``: a word, a tab, the reason.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from lm_eval_iberian.ifeval.data import languages
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.languages import (
    compose,
    decide_language,
    is_all_lower,
    is_all_upper,
)
from lm_eval_iberian.languages.markup import without_fences


MINI: Final = Path(__file__).parents[2] / "data" / "ifeval" / "mini"
DICTIONARIES: Final = {
    "ca": "ca", "en": "en_US", "es": "es_ES", "eu": "eu", "gl": "gl_ES",
}  # fmt: skip
PACKAGES: Final = {lang: f"hunspell-{lang}" for lang in DICTIONARIES} | {
    "en": "hunspell-en-us"
}
# a word of no language: it tells the words of one line from those of the next
FENCE: Final = "qxzwvq"
ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+")
MARKUP: Final = re.compile(r"[*#`|~<>\[\]{}]+|(?<![^\W_])_+|_+(?![^\W_])")
WORD: Final = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+(?:[-_'·][^\W_]+)*")
SHAPES: Final = str.maketrans({"’": "'", "‘": "'", "‑": "-", "ŀ": "l·", "Ŀ": "L·"})


@dataclass(frozen=True)
class Text:
    """A text to check: where it stands, and the languages it may be in."""

    where: str
    content: str
    allowed: tuple[str, ...]


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


def words(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return each word of a text with the spellings of which one must be right.

    A text all in capitals, or all in small letters, hides which names have a capital.
    Single letters, words with digits and those of another script are left out.
    """
    text = without_fences(compose(text).translate(SHAPES))
    text = MARKUP.sub(" ", ADDRESS.sub(" ", text))
    levelled = is_all_upper(text) or is_all_lower(text)
    found = [w for w in WORD.findall(text) if len(w) > 1 and all(map(is_plain, w))]
    return [
        (word, (word.lower(), word.capitalize()) if levelled else (word,))
        for word in found
    ]


def is_plain(character: str) -> bool:
    """Tell whether a character is a Latin letter, or a mark that joins letters."""
    if character in "-_'·.":
        return True
    return character.isalpha() and "LATIN" in unicodedata.name(character, "")


def misspelled(spellings: list[str], lang: str) -> frozenset[str] | None:
    """Ask Hunspell once for all spellings; ``None`` without program or dictionary."""
    program = shutil.which("hunspell")
    if program is None:
        return None
    lines = "".join(f"{spelling}\n{FENCE}\n" for spelling in spellings)
    ran = subprocess.run(
        [program, "-d", DICTIONARIES[lang], "-l", "-i", "utf-8"],
        input=lines.encode(),
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        return None
    groups = f"\n{ran.stdout.decode()}".split(f"\n{FENCE}")[:-1]
    pairs = zip(spellings, groups, strict=True)
    return frozenset(spelling for spelling, group in pairs if group.strip())


@cache
def unknown() -> Mapping[str, frozenset[str]]:
    """Return, for each dictionary that is there, the spellings it does not know."""
    spellings = sorted(
        {
            spelling
            for lang in languages("mini")
            for text in texts(lang)
            for _, options in words(text.content)
            for spelling in options
        }
    )
    found = {lang: misspelled(spellings, lang) for lang in DICTIONARIES}
    return MappingProxyType({k: v for k, v in found.items() if v is not None})


def allow_list(lang: str) -> dict[str, str]:
    path = MINI / "spelling" / f"{lang}.txt"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    pairs = (line.partition("\t") for line in lines if line.strip())
    return {
        compose(word).translate(SHAPES): reason.strip() for word, _, reason in pairs
    }


def unknown_words(text: Text) -> dict[str, set[str]]:
    """Return the words of a text that each of its dictionaries does not know."""
    return {
        lang: {
            word
            for word, options in words(text.content)
            if all(option in unknown()[lang] for option in options)
        }
        for lang in text.allowed
        if lang in unknown()
    }


def excused(word: str, allowed: Mapping[str, str]) -> list[str]:
    """Return the entries of an allow-list that are this word; case where it counts."""
    return [entry for entry in allowed if entry in (word, word.lower())]


def require_dictionary(lang: str) -> None:
    if lang not in unknown():
        pytest.skip(
            f"NO SPELLING TEST FOR {lang}: Hunspell or its dictionary "
            f"{DICTIONARIES[lang]} is absent; install the Debian packages hunspell "
            f"and {PACKAGES[lang]}"
        )


@pytest.mark.parametrize("lang", languages("mini"))
def test_every_word_is_in_the_dictionary(lang: str) -> None:
    require_dictionary(lang)
    allowed = allow_list(lang)
    wrong = {}
    for text in texts(lang):
        left = [
            {word for word in found if not excused(word, allowed)}
            for found in unknown_words(text).values()
        ]
        # without one of its dictionaries nothing can be said about a text
        if len(left) == len(text.allowed) and all(left):
            wrong[text.where] = min(map(sorted, left), key=len)
    assert wrong == {}


@pytest.mark.parametrize("lang", languages("mini"))
def test_the_allow_list_holds_only_what_it_must(lang: str) -> None:
    require_dictionary(lang)
    allowed = allow_list(lang)
    assert [word for word, reason in allowed.items() if not reason] == []
    if absent := sorted(DICTIONARIES.keys() - unknown().keys()):
        pytest.skip(f"STALE ENTRIES OF {lang} UNCHECKED: no dictionary for {absent}")
    used = {
        entry
        for text in texts(lang)
        for found in unknown_words(text).values()
        for word in found
        for entry in excused(word, allowed)
    }
    assert sorted(allowed.keys() - used) == [], "known, or in none of the texts"


@pytest.mark.parametrize("lang", languages("mini"))
def test_the_allow_list_has_no_word_twice(lang: str) -> None:
    path = MINI / "spelling" / f"{lang}.txt"
    listed = [line.partition("\t")[0] for line in path.read_text("utf-8").splitlines()]
    assert sorted(listed) == sorted(set(listed))


def test_a_wrong_word_is_seen() -> None:
    require_dictionary("en")
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
