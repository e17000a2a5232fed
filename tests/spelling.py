"""Spelling as Hunspell's dictionaries have it, for the texts that the project wrote.

What a dictionary lacks stands in an allow-list: a word, a tab, the reason.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from lm_eval_iberian.languages import compose, is_all_lower, is_all_upper
from lm_eval_iberian.languages.running_text import without_fences


DICTIONARIES: Final = {
    "ca": "ca", "en": "en_US", "es": "es_ES", "eu": "eu", "gl": "gl_ES",
    "pt": "pt_PT,pt_BR",
}  # fmt: skip
PACKAGES: Final = {lang: f"hunspell-{lang}" for lang in DICTIONARIES} | {
    "en": "hunspell-en-us",
    "pt": "hunspell-pt-pt with hunspell-pt-br",
}
# a word of no language: it tells the words of one line from those of the next
FENCE: Final = "qxzwvq"
ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+")
MARKUP: Final = re.compile(r"[*#`|~<>\[\]{}]+|(?<![^\W_])_+|_+(?![^\W_])")
WORD: Final = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+(?:[-_'·][^\W_]+)*")
SHAPES: Final = str.maketrans({"’": "'", "‘": "'", "‑": "-", "ŀ": "l·", "Ŀ": "L·"})

# for each dictionary that is there, the spellings it does not know
Unknown = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Text:
    """A text to check: where it stands, and the languages it may be in."""

    where: str
    content: str
    allowed: tuple[str, ...]


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


def unknown_spellings(texts: Iterable[Text]) -> Unknown:
    """Return, for each dictionary that is there, the spellings it does not know."""
    spellings = sorted(
        {
            spelling
            for text in texts
            for _, options in words(text.content)
            for spelling in options
        }
    )
    found = {lang: misspelled(spellings, lang) for lang in DICTIONARIES}
    return MappingProxyType({k: v for k, v in found.items() if v is not None})


def allow_list(path: Path) -> dict[str, str]:
    """Return the words of an allow-list with their reasons."""
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    pairs = (line.partition("\t") for line in lines if line.strip())
    return {
        compose(word).translate(SHAPES): reason.strip() for word, _, reason in pairs
    }


def listed(path: Path) -> list[str]:
    """Return the words of an allow-list as they stand there."""
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [line.partition("\t")[0] for line in lines]


def unknown_words(text: Text, unknown: Unknown) -> dict[str, set[str]]:
    """Return the words of a text that each of its dictionaries does not know."""
    return {
        lang: {
            word
            for word, options in words(text.content)
            if all(option in unknown[lang] for option in options)
        }
        for lang in text.allowed
        if lang in unknown
    }


def excused(word: str, allowed: Mapping[str, str]) -> list[str]:
    """Return the entries of an allow-list that are this word; case where it counts."""
    return [entry for entry in allowed if entry in (word, word.lower())]


def wrong_words(
    texts: Iterable[Text], unknown: Unknown, allowed: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return, by where it stands, what no dictionary knows and no list excuses."""
    wrong = {}
    for text in texts:
        left = [
            {word for word in found if not excused(word, allowed)}
            for found in unknown_words(text, unknown).values()
        ]
        # without one of its dictionaries nothing can be said about a text
        if len(left) == len(text.allowed) and all(left):
            wrong[text.where] = min(map(sorted, left), key=len)
    return wrong


def idle_entries(
    texts: Iterable[Text], unknown: Unknown, allowed: Mapping[str, str]
) -> list[str]:
    """Return the entries of an allow-list that excuse nothing."""
    if absent := sorted(DICTIONARIES.keys() - unknown.keys()):
        pytest.skip(f"STALE ENTRIES UNCHECKED: no dictionary for {absent}")
    used = {
        entry
        for text in texts
        for found in unknown_words(text, unknown).values()
        for word in found
        for entry in excused(word, allowed)
    }
    return sorted(allowed.keys() - used)


def require_dictionary(lang: str, unknown: Unknown) -> None:
    """Skip a test loudly where Hunspell or a dictionary is absent."""
    if lang not in unknown:
        pytest.skip(
            f"NO SPELLING TEST FOR {lang}: Hunspell or its dictionary "
            f"{DICTIONARIES[lang]} is absent; install the Debian packages hunspell "
            f"and {PACKAGES[lang]}"
        )
