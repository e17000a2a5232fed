"""The byte model scores as py3langid does, whose tables it reads."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from lm_eval_iberian.languages.byte_model import byte_model


@pytest.fixture(scope="module")
def original() -> Any:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


TEXTS = [
    "gaur goizean goiz jaiki naiz eta mendira joan naiz lagunekin.",
    "aqueste matin soi anada al mercat amb ma sòrre",
    "сегодня утром мы с сестрой ходили на рынок",
    "今朝、妹と一緒に市場へ行って",
    "\ud800 \x00 \u202e",
    "ab" * 3000,
    "ab" * 5000,  # more than the counts whose logarithm is looked up
]


@pytest.mark.parametrize("text", TEXTS)
def test_one_part_scores_as_the_original(original: Any, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    expected = original._raw_score(data)
    np.testing.assert_allclose(byte_model().score([data])[0], expected, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_any_text_walks_the_states_of_the_original(text: str) -> None:
    model = byte_model()
    data = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
    state, walked = 0, []
    for letter in data:
        state = int(model.moves[model.rows[state] + letter])
        walked.append(state)
    assert model._states(data).tolist() == walked


def test_the_last_row_is_of_all_parts_together(original: Any) -> None:
    parts = [text.encode() for text in TEXTS[:3]]
    scores = byte_model().score(parts)
    assert scores.shape == (4, len(byte_model().labels))
    expected = original._raw_score(b"".join(parts))
    np.testing.assert_allclose(scores[-1], expected, rtol=1e-4)


def test_no_bytes_have_the_prior_only() -> None:
    model = byte_model()
    np.testing.assert_array_equal(model.score([b""])[0], model.priors)
