"""Words, sentences, paragraphs and terms, by tables."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import seconds

from lm_eval_iberian.languages import (
    available_languages,
    load_profile,
    occurrences,
    paragraphs,
    sentences,
    starts_with,
    words,
)
from lm_eval_iberian.languages.segment import _found_words, _word_pattern
from lm_eval_iberian.languages.sentence_ends import sentence_spans


CASES = Path(__file__).parent.parent / "cases"
LANGUAGES = st.sampled_from(available_languages())


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(name: str) -> list[Any]:
    """Read the rows of all languages, and those that each language has of its own."""
    rows = read(CASES / "languages" / f"{name}.jsonl")
    for path in sorted((CASES / name).glob("*.jsonl")):
        rows += [{"lang": path.stem, **row} for row in read(path)]
    return [pytest.param(row, id=f"{row['lang']}: {row['why']}") for row in rows]


@pytest.mark.parametrize("row", table("words"))
def test_words(row: dict[str, Any]) -> None:
    assert words(row["text"], load_profile(row["lang"])) == row["words"]


@pytest.mark.parametrize("row", table("sentences"))
def test_sentences(row: dict[str, Any]) -> None:
    assert sentences(row["text"], load_profile(row["lang"])) == row["sentences"]


@pytest.mark.parametrize("row", table("terms"))
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


@given(st.text(), LANGUAGES)
def test_any_text_can_be_split(text: str, lang: str) -> None:
    profile = load_profile(lang)
    assert all(word.strip() for word in words(text, profile))
    assert all(sentence.strip() for sentence in sentences(text, profile))


@given(st.text(st.sampled_from(" .!?…:,-“”'()1aAI3é\n[]"), max_size=60), LANGUAGES)
def test_sentences_leave_no_text_out(text: str, lang: str) -> None:
    line = " ".join(text.split())
    spans = list(sentence_spans(line, load_profile(lang)))
    found = [line[start:end] for start, end in spans]
    assert "".join("".join(found).split()) == "".join(line.split())
    assert len(found) <= 1 or all(any(map(str.isalnum, part)) for part in found)


@pytest.mark.parametrize("lang", available_languages())
@pytest.mark.slow
def test_junk_is_split_in_no_time(lang: str) -> None:
    signs = [" ", "", ". ", "A. ", "3. ", "etab. ", "!? ", "»", "\x00", "[1]", "kaixo"]
    junk = "".join(signs[n * n // 7 % len(signs)] for n in range(50_000))
    sentences("Bat. Bi.", load_profile(lang))
    for text in (junk, "a" * 1_000_000, "." * 1_000_000):
        assert seconds(partial(sentences, text, load_profile(lang)), 0.7) < 0.7


@pytest.mark.parametrize("lang", available_languages())
def test_every_language_has_tables_of_its_own(lang: str) -> None:
    for name in ("sentences", "words"):
        rows = read(CASES / name / f"{lang}.jsonl")
        assert all(row["why"] for row in rows)


@given(st.lists(st.sampled_from(["baso", "basoan", "3,5", "kaixo"]), max_size=9))
def test_words_between_spaces_are_counted_one_by_one(items: list[str]) -> None:
    assert words(" ".join(items), load_profile("eu")) == items


PIECES = [
    "www.", "http://", "@", ".", "..", "a", "É", "e\u0301", "3", "5,", "1.", "º", "-",
    "'", "’", "·", "_", " ", "\u00a0", "000", "U.S.A.", "e.g. ", "x@y.zz", "/", ":",
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_a_line_has_no_sign_of_is_no_word_of_it(line: str) -> None:
    for lang in ("eu", "ca", "en"):
        profile = load_profile(lang)
        everything = _word_pattern(profile, addresses=True, acronyms=True)
        assert _found_words(line, profile) == everything.findall(line)
