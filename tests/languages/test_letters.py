"""How often a letter stands in a text."""

from __future__ import annotations

import pytest

from lm_eval_iberian.languages import available_languages, count_letter, load_profile


@pytest.mark.parametrize(
    ("lang", "letter", "text", "count"),
    [
        ("gl", "o", "O avó.", 2),
        ("gl", "ó", "O avó.", 1),
        ("es", "u", "Pingüino", 1),
        ("es", "n", "Año nuevo", 1),
        ("es", "Ñ", "An\u0303o", 1),
        ("ca", "c", "Plaça", 0),
        ("ca", "l", "Coŀlegi", 2),
        ("eu", "a", "Málaga", 3),
        ("en", "e", "Café crème", 1),
        ("en", "é", "Café crème", 1),
        ("es", "#", "#uno #dos", 2),
        ("es", "a", "", 0),
    ],
)
def test_count(lang: str, letter: str, text: str, count: int) -> None:
    assert count_letter(letter, text, load_profile(lang)) == count


def test_a_prompt_may_want_the_plain_letter_alone() -> None:
    galician = load_profile("gl")
    for prompt, count in [
        ("A letra o, sen acento, menos de 2 veces.", 1),
        ("A letra o, con ou sen acento, menos de 2 veces.", 2),
        ("A letra o menos de 2 veces.", 2),
    ]:
        assert count_letter("o", "O avó.", galician, prompt) == count


@pytest.mark.parametrize("lang", available_languages())
def test_a_letter_with_its_mark_is_never_more_than_the_plain_one(lang: str) -> None:
    profile, text = load_profile(lang), "áàâäã éèêë íìîï óòôö úùûü ñ ç aeiou nc"
    for letter in "aeiounc":
        assert count_letter(letter, text, profile) >= text.count(letter)
