"""The options of a constrained answer, read from the prompt."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from lm_eval_iberian.ifeval import check
from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.ifeval.options import offered
from lm_eval_iberian.languages import load_profile


CONSTRAINED = "detectable_format:constrained_response"
PROMPTS = [
    ("es", 'Responde con una: "Sí.","No.", "Quizás.".', ("Sí.", "No.", "Quizás.")),
    ("gl", "Escolle «si», «non» ou «quizais».", ("si", "non", "quizais")),
    ("eu", "Aukeratu:\n- Bai\n- Ez\n- Agian", ("Bai", "Ez", "Agian")),
    ("ca", "Tria una opció:\nsí\nno\npotser", ("sí", "no", "potser")),
    ("en", "Choose one: 1) red 2) green 3) blue", ("red", "green", "blue")),
    ("ca", "Tria: (a) Mart, (b) Venus.", ("Mart", "Venus")),
    ("es", "Elige un color: rojo, verde o azul.", ("rojo", "verde", "azul")),
    ("en", "Answer yes, no or maybe.", ("yes", "no", "maybe")),
    ("en", "Pick 'A', 'B' or 'C'.", ("A", "B", "C")),
    ("eu", "Erantzun: Bai/Ez.", ("Bai", "Ez")),
    ("es", "El lema «Uno» es viejo. Di «sí», «no» o «quizá».", ("sí", "no", "quizá")),
]


@pytest.mark.parametrize(("lang", "prompt", "options"), PROMPTS)
def test_options_are_those_of_the_prompt(
    lang: str, prompt: str, options: tuple[str, ...]
) -> None:
    assert offered(Answer("", load_profile(lang), prompt)) == options


def test_without_a_list_they_are_the_pack_s() -> None:
    profile = load_profile("gl")
    for prompt in (None, "Que tempo vai facer?"):
        assert offered(Answer("", profile, prompt)) == profile.constrained.options


def test_real_spanish_answers(reference: Path) -> None:
    """Of the stored answers every one that is an option follows; before none did."""
    answers = [
        (row["prompt"], row["response"])
        for path in sorted((reference / "m_ifeval_es").glob("*.jsonl.gz"))
        for row in map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
        if any(CONSTRAINED in name for name in row["instruction_id_list"])
    ]
    exact = [a for a in answers if a[1].strip(' ".\n') in ("Sí", "No", "Quizás")]
    assert len(answers) >= 40
    assert len(exact) >= 30
    for prompt, answer in exact:
        verdict = check(CONSTRAINED, {}, answer, lang="es", prompt=prompt)
        assert verdict.followed, (answer, verdict.reason)
