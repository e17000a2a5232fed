"""Words, sentences, paragraphs and terms, by tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.languages import (
    load_profile,
    occurrences,
    paragraphs,
    sentences,
    starts_with,
    words,
)


CASES = Path(__file__).parent.parent / "cases" / "languages"
LANGUAGES = st.sampled_from(["eu", "en"])


def table(name: str) -> list[Any]:
    lines = (CASES / name).read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [pytest.param(row, id=f"{row['lang']}: {row['why']}") for row in rows]


@pytest.mark.parametrize("row", table("words.jsonl"))
def test_words(row: dict[str, Any]) -> None:
    assert words(row["text"], load_profile(row["lang"])) == row["words"]


@pytest.mark.parametrize("row", table("sentences.jsonl"))
def test_sentences(row: dict[str, Any]) -> None:
    assert sentences(row["text"], load_profile(row["lang"])) == row["sentences"]


@pytest.mark.parametrize("row", table("terms.jsonl"))
def test_terms(row: dict[str, Any]) -> None:
    found = occurrences(row["term"], row["text"], load_profile(row["lang"]))
    assert found == row["found"]


def test_paragraphs_are_blocks_with_text() -> None:
    assert paragraphs("a\nb\n\n \n***\n\r\nc\n") == ["a\nb", "c"]
    assert paragraphs("") == []


def test_a_text_starts_with_a_form_of_a_term() -> None:
    profile = load_profile("eu")
    assert starts_with("presidente", "Presidenteak esan du", profile)
    assert not starts_with("presidente", "Presidentzia hartu du", profile)
    assert not starts_with("", "edozer", profile)


def test_sentences_need_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nltk data was asked for")

    monkeypatch.setattr(nltk, "download", refuse)
    monkeypatch.setattr(nltk.data, "load", refuse)
    monkeypatch.setattr(nltk.data, "find", refuse)
    from lm_eval_iberian.languages.segment import _punkt

    _punkt.cache_clear()
    assert len(sentences("Bat da. Bi da.", load_profile("eu"))) == 2


@given(st.text(), LANGUAGES)
def test_any_text_can_be_split(text: str, lang: str) -> None:
    profile = load_profile(lang)
    assert all(word.strip() for word in words(text, profile))
    assert all(sentence.strip() for sentence in sentences(text, profile))


@given(st.lists(st.sampled_from(["baso", "basoan", "3,5", "kaixo"]), max_size=9))
def test_words_between_spaces_are_counted_one_by_one(items: list[str]) -> None:
    assert words(" ".join(items), load_profile("eu")) == items
