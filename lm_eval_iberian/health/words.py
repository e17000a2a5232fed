"""What is said around turns in each language: labels, requests, thanks (words/*.toml).

A language is a file; an answer is read with the words of all of them, because a merged
model goes on in whichever language it likes.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages import fold
from lm_eval_iberian.toml import read_toml


_FOLDER: Final = Path(__file__).with_name("words")
_WORD: Final = re.compile(r"\w+")
_LETTERS: Final = re.compile(r"[^\W_]{1,40}")
_KEYS: Final = frozenset(
    {
        "user_labels",
        "assistant_labels",
        "question_labels",
        "answer_labels",
        "exercise_labels",
        "instruction_labels",
        "task_verbs",
        "thanks",
        "replies",
        "follow_ups",
        "asks_you",
        "complaints",
        "apologies",
        "please",
        "offers",
        "musings",
        "yes",
        "and",
        "now",
        "next_words",
        "imperatives",
        "verbs_last",
        "system_prompts",
        "page_lines",
        "page_signs",
        "score_labels",
        "feedback_labels",
        "evaluation_headings",
        "grader_names",
        "graded_things",
        "notes",
        "this_answer",
        "verdicts",
        "weak_labels",
        "answer_doubts",
        "being",
        "articles",
        "calendar",
        "times",
        "asks_for",
    }
)
_ASKS: Final = {
    *("dialogue", "questions", "exercises", "letter", "story", "faq", "tokens"),
    *("repetition", "verse", "table", "once", "page", "grading", "rated", "several"),
}


@cache
def health_words(key: str) -> tuple[str, ...]:
    """Return the folded words of all languages under a key, the longest first."""
    words = {fold(word) for table in _tables() for word in table[key]}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


@lru_cache(maxsize=256)
def asks_for(what: str, folded: str) -> bool:
    """Tell whether a folded prompt asks for a kind of text (``[asks_for]``).

    The words are beginnings of words, as Basque ones are inflected; one with a space
    at its end is a whole word.
    """
    pattern, pieces = _requests(what)
    # far cheaper than the pattern, and most prompts have none of them
    return not pieces.isdisjoint(_starts(folded)) and bool(pattern.search(folded))


@lru_cache(maxsize=8)
def _starts(folded: str) -> frozenset[str]:
    """Return the beginnings of all words of a text."""
    words = set(_LETTERS.findall(folded))
    return frozenset(word[:end] for word in words for end in range(1, len(word) + 1))


def begins(said: str, *keys: str) -> bool:
    """Tell whether a folded text begins with one of the words under some keys."""
    plain = said.lstrip("¿¡\"'“«*_ ")
    return any(beginning(key).match(plain) for key in keys)


@cache
def beginning(key: str) -> re.Pattern[str]:
    """Return the pattern of any of the words under a key, up to a word's end."""
    return re.compile(rf"(?:{any_of(health_words(key))})(?:(?<=[^\w])|(?![^\W_]))")


@cache
def calendar_words() -> re.Pattern[str]:
    """Return the pattern of the names of months and weekdays, endings included."""
    return re.compile(rf"\b(?:{any_of(health_words('calendar'))})\w{{0,6}}\b")


@cache
def asked_times() -> re.Pattern[str]:
    """Return the pattern of ``10 times`` in each language; a group holds the number."""
    times = any_of(health_words("times"))
    near = r"(?:[^\W\d_]+\s+){0,2}"
    return re.compile(
        rf"\b(\d{{1,5}})\s+{near}(?:{times})|(?:{times})\s+{near}(\d{{1,5}})\b"
        rf"|[^\W\d_]\s+(?:{times})(?![^\W_])"
    )


def any_of(words: tuple[str, ...]) -> str:
    """Return the pattern of any of some words, spaces being any white space."""
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in words)


def shared_words(one: str, other: str) -> float:
    """Return the share of word pairs, 0 to 1, that two folded texts have in common."""
    pairs = [Counter(pairwise(["", *_WORD.findall(text), ""])) for text in (one, other)]
    common = (pairs[0] & pairs[1]).total()
    return common / max(1, *(pair.total() for pair in pairs))


@cache
def _requests(what: str) -> tuple[re.Pattern[str], frozenset[str]]:
    words = {fold(word) for table in _tables() for word in table["asks_for"][what]}
    begun = any_of(tuple(sorted(word for word in words if word[-1] != " ")))
    whole = any_of(tuple(sorted(word[:-1] for word in words if word[-1] == " ")))
    pattern = rf"(?<![^\W_])(?:{begun}|(?:{whole or '(?!)'})(?![^\W_]))"
    pieces = {max(_LETTERS.findall(word), key=len) for word in words}
    return re.compile(pattern), frozenset(pieces)


@cache
def _tables() -> tuple[dict[str, dict[str, list[str]]], ...]:
    """Read every language.

    Raises:
        DataError: A file has other keys than the others.
    """
    tables = []
    for path in sorted(_FOLDER.glob("*.toml")):
        table = read_toml(path)
        if set(table) != _KEYS or set(table["asks_for"]) != _ASKS:
            wrong = set(table) ^ _KEYS or set(table["asks_for"]) ^ _ASKS
            raise DataError(f"{path} misses or adds {', '.join(sorted(wrong))}")
        tables.append(table)
    return tuple(tables)
