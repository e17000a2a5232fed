"""The shipped benchmarks are spelled as Hunspell's dictionaries have it.

What a dictionary lacks stands in ``data/benchmarks/spelling``. The sentences that are
not acceptable are checked too: they are wrong in grammar, and made of words.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from spelling import (
    DICTIONARIES,
    Text,
    Unknown,
    allow_list,
    idle_entries,
    listed,
    require_dictionary,
    unknown_spellings,
    wrong_words,
)

from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data
from lm_eval_iberian.tasks.benchmark_catalogue import benchmarks


pytestmark = pytest.mark.slow  # asks Hunspell
LANGUAGES = ("ca", "en", "es", "eu", "gl")
# names for programs, not texts
LABELS = {"answerKey", "category", "dialect", "group", "id", "label", "link"} | {
    "correct_answer_num", "InputStoryid", "phenomenon", "story_id"
}  # fmt: skip


def texts(lang: str) -> Iterator[Text]:
    folders = sorted({found.mini[0] for found in benchmarks()})
    for folder in folders:
        path = data() / folder / "mini" / f"{lang}.jsonl"
        rows = read_jsonl(path) if path.is_file() else []
        for number, row in rows:
            for index, (field, text) in enumerate(strings(row)):
                where = f"{folder}, line {number}, {field} ({index})"
                yield Text(where, text, (lang,))


def strings(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a row with its field."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, field)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in LABELS:
                yield from strings(item, key)


@cache
def unknown() -> Unknown:
    return unknown_spellings(text for lang in LANGUAGES for text in texts(lang))


def allowed_words(lang: str) -> Path:
    return data() / "benchmarks" / "spelling" / f"{lang}.txt"


def test_every_language_has_texts() -> None:
    assert set(LANGUAGES) <= set(DICTIONARIES)
    assert all(len(list(texts(lang))) > 300 for lang in LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_word_is_in_the_dictionary(lang: str) -> None:
    require_dictionary(lang, unknown())
    assert wrong_words(texts(lang), unknown(), allow_list(allowed_words(lang))) == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_allow_list_holds_only_what_it_must(lang: str) -> None:
    require_dictionary(lang, unknown())
    allowed = allow_list(allowed_words(lang))
    assert [word for word, reason in allowed.items() if not reason] == []
    assert idle_entries(texts(lang), unknown(), allowed) == []
    assert len(set(listed(allowed_words(lang)))) == len(listed(allowed_words(lang)))
