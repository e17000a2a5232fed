"""Our langdetect beside the library itself, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_passages import own_passages

from lm_eval_iberian.ifeval.original import sampling


pytestmark = pytest.mark.slow

PIECES = [
    "the cat ", "Ama ", "ÉCOLE", "écÔle ", "ABc aBC ", "日本語", "한글 ", "кот ",
    "عربی ", "ựế", "e\u0323\u0302", "șț", "http://a.b/c ", "x@y.zz ", "  ", "\n",
    "1,2 ", "ʼ", "かな", "カナ", "Ḃ", "²", "\u200d", "I ",
]  # fmt: skip


@pytest.fixture(scope="module")
def factory() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    made = DetectorFactory()
    made.load_profile(PROFILES_DIRECTORY)
    made.set_seed(0)
    return made


def by_library(factory: Any, text: str) -> tuple[list[float], str] | None:
    from langdetect import LangDetectException

    detector = factory.create()
    detector.append(text)
    try:
        found = detector.detect()
    except LangDetectException:
        return None
    return list(detector.langprob), found


def by_us(text: str) -> tuple[list[float], str] | None:
    grams = sampling._grams(sampling._cleaned(text))
    if not grams:
        return None
    return sampling._sampled(grams).tolist(), sampling.detect(text)


@settings(max_examples=120, deadline=None)
@given(
    text=st.one_of(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=40).map("".join),
        st.text(st.characters(codec="utf-8"), max_size=60),
    )
)
def test_same_weights_on_any_text(factory: Any, text: str) -> None:
    assert by_us(text) == by_library(factory, text)


def test_same_weights_on_real_text(factory: Any, reference: Path) -> None:
    lines = (reference / "text" / "languages.jsonl").read_bytes().splitlines()
    for line in lines[::25]:
        text = json.loads(line)["text"]
        for form in (text, text.upper()):
            assert by_us(form) == by_library(factory, form)


@pytest.mark.slow
def test_same_weights_on_text_of_our_own(factory: Any) -> None:
    texts = [row["text"] for row in own_passages()]
    for text in texts[::15]:
        for form in (text, text.upper()):
            assert by_us(form) == by_library(factory, form)


def test_long_text_is_cut_where_the_library_cuts_it(factory: Any) -> None:
    text = "The cat sat there. " * 500 + "El gato estaba sentado. " * 500
    assert len(text) > 10_000
    assert by_us(text) == by_library(factory, text)


def test_nobody_else_s_seed_matters() -> None:
    import langdetect

    before = langdetect.DetectorFactory.seed
    found = sampling.detect("Bon dia a tothom")
    langdetect.DetectorFactory.seed = 7
    try:
        assert sampling.detect("Bon dia a tothom") == found
    finally:
        langdetect.DetectorFactory.seed = before


def test_a_text_without_features_is_an_error() -> None:
    with pytest.raises(sampling.NoFeaturesError):
        sampling.detect("123 …")
