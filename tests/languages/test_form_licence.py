"""What a prompt lets its keywords change."""

from __future__ import annotations

import pytest

from lm_eval_iberian.languages import licence_of, load_profile
from lm_eval_iberian.languages.word_forms import EVERY, GENDER, NUMBER, VERB


@pytest.mark.parametrize(
    ("prompt", "terms", "kinds"),
    [
        ("Usa «sol».", ["sol"], set()),
        ("Usa «sol», en singular o plural.", ["sol"], {NUMBER}),
        ("Usa «rey», en masculino o femenino.", ["rey"], {GENDER}),
        ("Usa el verbo «ir» conjugado.", ["ir"], {VERB}),
        ("Usa «ir» en cualquiera de sus formas.", ["ir"], {EVERY}),
        ("Usa «rey», masculino o femenino, o plural.", ["rey"], {NUMBER, GENDER}),
        ("Usa «rey» (o «reina»).", ["rey"], {GENDER}),
        ("Usa «rey» o «sol».", ["rey"], set()),
        ("Usa «sol». Vale el plural.", ["sol"], {NUMBER}),
        ("Usa «sol». Habla del mar. Vale el plural.", ["sol"], set()),
        ("Vale el plural. Usa «sol».", ["sol"], set()),
        ("Usa «sol» y «mar», también en plural.", ["sol", "mar"], {NUMBER}),
        ("Usa «sol» y no «mar», también en plural.", ["sol"], set()),
        ("Usa sol y mar (singular o plural).", ["sol", "mar"], {NUMBER}),
        ("Usa la palabra, en singular o en plural.", ["sol"], {NUMBER}),
        ("Usa «sol», nunca en plural.", ["sol"], set()),
        ("Usa «sol» y habla de una sociedad plural.", ["sol"], set()),
        ("Di el sol que hace y usa «sol». Vale el plural.", ["sol"], {NUMBER}),
        ("Palabras (singular o plural):\n- sol\n- mar", ["sol", "mar"], {NUMBER}),
        ("", ["sol"], set()),
    ],
)  # fmt: skip
def test_licence(prompt: str, terms: list[str], kinds: set[str]) -> None:
    assert licence_of(prompt, tuple(terms), load_profile("es")) == kinds


def test_basque_stems_need_none() -> None:
    prompt = "Sartu «mendi» hitza, singularrean edo pluralean."
    assert licence_of(prompt, ("mendi",), load_profile("eu")) == set()
