"""The forms that a licence lets through, and no others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lm_eval_iberian.languages import load_profile, occurrences
from lm_eval_iberian.languages.word_forms import (
    EVERY,
    FULL_LICENCE,
    GENDER,
    NUMBER,
    VERB,
    Licence,
    listed_forms,
)


WORDS = {
    "es": "niño casa joven canciones azul andaluz cantar mes crisis actriz",
    "gl": "neno casa animal irmán mal cruz falar avó reloxo",
    "ca": "nen casa país boig feliç parlar home cançó llapis",
    "en": "child city leaf news sing glass sheep",
}
PAIRS = [(lang, word) for lang, words in WORDS.items() for word in words.split()]


@pytest.mark.parametrize(
    ("lang", "word", "licence", "text", "found"),
    [
        ("es", "niño", {NUMBER}, "niño niña niños niñas", "niño niños"),
        ("es", "niño", {GENDER}, "niño niña niños niñas", "niño niña"),
        ("es", "niños", {GENDER}, "niño niña niños niñas", "niños niñas"),
        ("es", "niñas", {NUMBER, GENDER}, "niño niñas niños", "niño niñas niños"),
        ("es", "banco", {NUMBER, GENDER}, "banca bancas bancos", "bancos"),
        ("es", "banco", {EVERY}, "banca bancas bancos", "bancos"),
        ("es", "mes", {NUMBER}, "me meses", "meses"),
        ("es", "bases", {NUMBER}, "bas base", "base"),
        ("es", "casa", {EVERY}, "casas casó caso", "casas"),
        ("es", "cantar", {NUMBER}, "canto cantaron", ""),
        ("es", "cantar", {VERB}, "canto cantó cantarle contó", "canto cantó cantarle"),
        ("es", "mar", {EVERY}, "me mares", "mares"),
        ("gl", "mal", {NUMBER}, "mais males", "males"),
        ("gl", "animal", {NUMBER}, "animais animales", "animais"),
        ("ca", "home", {NUMBER}, "homes hòmens homenes", "homes hòmens"),
        ("ca", "cec", {GENDER}, "ceca cega", "cega"),
        ("en", "car", {EVERY}, "cars cared", "cars"),
        ("en", "stop", {VERB}, "stopped stops stoop", "stopped stops"),
    ],
)
def test_forms(lang: str, word: str, licence: set[str], text: str, found: str) -> None:
    profile = load_profile(lang)
    got = occurrences(word, text, profile, licence=frozenset(licence))
    assert got == found.split()


def test_the_words_of_a_phrase_change_but_small_ones() -> None:
    text = "fines de semana, fin de semanas, fin des semana"
    number = frozenset({NUMBER})
    found = occurrences("fin de semana", text, load_profile("es"), licence=number)
    assert found == ["fines de semana", "fin de semanas"]


@pytest.mark.parametrize(("lang", "word"), PAIRS)
@pytest.mark.parametrize("licence", [set(), {NUMBER}, {GENDER}, {VERB}, {EVERY}])
def test_a_wider_licence_lets_more_through(
    lang: str, word: str, licence: set[str]
) -> None:
    profile = load_profile(lang)
    narrow: Licence = frozenset(licence)
    forms = listed_forms(word, profile, narrow)
    assert word in forms
    assert set(forms) <= set(listed_forms(word, profile, FULL_LICENCE))
    for form in forms:
        assert occurrences(word, form, profile, licence=narrow) == [form]
        assert occurrences(word, form, profile, licence=FULL_LICENCE) == [form]


@pytest.mark.parametrize(
    ("lang", "pairs"),
    [
        ("es", "joven jóvenes, canción canciones, luz luces, país países, mes meses"),
        ("gl", "animal animais, sol soles, mazá mazás, francés franceses, lei leis"),
        ("ca", "país països, gos gossos, plaça places, mà mans, examen exàmens"),
        ("en", "child children, story stories, leaf leaves, glass glasses"),
    ],
)
def test_number_goes_both_ways(lang: str, pairs: str) -> None:
    profile, number = load_profile(lang), frozenset({NUMBER})
    for one, many in map(str.split, pairs.split(", ")):
        assert occurrences(one, many, profile, licence=number) == [many]
        assert occurrences(many, one, profile, licence=number) == [one]


def test_a_name_has_no_forms_and_initials_have() -> None:
    profile, number = load_profile("es"), frozenset({NUMBER})
    assert occurrences("Pilar", "Los pilares", profile, licence=number) == []
    assert occurrences("pilar", "Los pilares", profile, licence=number) == ["pilares"]
    assert occurrences("CD", "Dos CDs", profile, licence=number) == ["cds"]


def test_the_lexicon_is_read_only_where_a_prompt_needs_it() -> None:
    code = """
import sys
from lm_eval_iberian.ifeval import check
def ask(prompt):
    check("keywords:existence", {"keywords": ["niño"]}, "Dos niños.", lang="es",
          prompt=prompt)
    return "simplemma" in sys.modules
print(ask("Usa la palabra «niño»."))
print(ask("Usa la palabra «niño», en singular o en plural."))
print(ask("Usa la palabra «niño», en masculino o en femenino."))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "False", "True"]


def test_a_keyword_of_very_many_parts_has_few_forms() -> None:
    word = "-".join(["aldeão"] * 7)
    assert len(listed_forms(word, load_profile("pt"), frozenset({NUMBER}))) < 50
