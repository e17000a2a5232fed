"""Letter case as a reader sees it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.languages import (
    capital_words,
    is_all_lower,
    is_all_upper,
    load_profile,
)


@pytest.mark.parametrize(
    ("text", "upper", "lower"),
    [
        ("KAIXO, ANDEREÑO!", True, False),
        ("kaixo, andereño!", False, True),
        ("Kaixo", False, False),
        ("12345 !!!", False, False),
        ("", False, False),
        ("1.º ETA 3.ª", True, False),
        ("1.º eta 3.ª", False, True),
        ("1.º", False, False),
        ("N\u0303", True, False),
        ("STRAßE", False, False),
        ("हिन्दी", False, False),
        ("हिन्दी OK", True, False),
    ],
)
def test_whole_text(text: str, upper: bool, lower: bool) -> None:
    assert is_all_upper(text) is upper
    assert is_all_lower(text) is lower


@pytest.mark.parametrize(
    ("lang", "text", "found"),
    [
        ("eu", "SMS-ak eta EITB-k", ["SMS-ak", "EITB-k"]),
        ("eu", "Aste Santua, A eta B", []),
        ("eu", "EUSKAL-HERRIA", ["EUSKAL-HERRIA"]),
        ("en", "NASA's COVID-19", ["NASA's", "COVID-19"]),
        ("en", "WELL-known B2B I A", ["B2B"]),
        ("en", "The U.S.A. and 3D", ["U.S.A."]),
        ("en", "XIX", ["XIX"]),
    ],
)
def test_words_in_capitals(lang: str, text: str, found: list[str]) -> None:
    assert capital_words(text, load_profile(lang)) == found


@given(st.text())
def test_no_text_is_both(text: str) -> None:
    assert not (is_all_upper(text) and is_all_lower(text))
