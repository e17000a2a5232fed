"""A language that no code knows: its TOML file is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.ifeval import check
from lm_eval_iberian.languages import LanguageProfile, read_pack, sentences


PACK = Path(__file__).parent.parent / "cases" / "languages" / "it.toml"
OPTIONS = "detectable_format:constrained_response"
POSTSCRIPT = "detectable_content:postscript"
SECTIONS = "detectable_format:multiple_sections"
ITALIAN = (
    "Stamattina mi sono alzato presto e sono andato in montagna con le mie amiche. "
    "Il tempo era bello e dalla cima si vedeva il mare."
)
THREE = "SEZIONE 1\nCiao.\n\nSEZIONE 2\nEccomi.\n\nSEZIONE 3\nAddio."
ENGLISH = (
    "This morning I got up early and went to the mountains with my friends. The "
    "weather was lovely."
)


@pytest.fixture(scope="module")
def profile() -> LanguageProfile:
    return read_pack(PACK)


@pytest.mark.parametrize(
    ("name", "kwargs", "answer", "prompt", "followed"),
    [
        (
            SECTIONS,
            {"section_spliter": "PERCHÉ", "num_sections": 2},
            "PERCHE\u0301 1\nCiao.\n\nPERCHÉ II\nAddio.",
            None,
            True,
        ),
        # how many is exact, and "at least" is not, is told by the file's own words
        (
            SECTIONS,
            {"section_spliter": "SEZIONE", "num_sections": 2},
            THREE,
            "Scrivi due parti, ciascuna con il titolo SEZIONE e il suo numero.",
            False,
        ),
        (
            SECTIONS,
            {"section_spliter": "SEZIONE", "num_sections": 2},
            THREE,
            "Scrivi almeno due parti, ciascuna con il titolo SEZIONE e il suo numero.",
            True,
        ),
        ("keywords:existence", {"keywords": ["ama"]}, "È una dama.", None, False),
        ("keywords:existence", {"keywords": ["ama"]}, "Ama il mare!", None, True),
        (OPTIONS, {}, "La mia risposta è no.", None, True),
        (OPTIONS, {}, "No.", None, False),
        (POSTSCRIPT, {"postscript_marker": "P.S."}, "PS: a presto", None, True),
        ("startend:quotation", {}, "«Ciao a tutti.»", None, True),
        ("change_case:italian_capital", {}, ITALIAN.upper(), None, True),
        ("change_case:english_capital", {}, ENGLISH.upper(), None, False),
        (
            "change_case:english_capital",
            {},
            ENGLISH.upper(),
            "Rispondi in inglese, solo in maiuscolo.",
            True,
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "presidente"},
            "Il presidente parlò.",
            None,
            True,
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "presidente"},
            "Senta, presidente.",
            None,
            False,
        ),
        ("language:response_language", {"language": "it"}, ITALIAN, None, True),
    ],
)  # fmt: skip
def test_checks(
    profile: LanguageProfile,
    name: str,
    kwargs: dict[str, Any],
    answer: str,
    prompt: str | None,
    followed: bool,
) -> None:
    verdict = check(name, kwargs, answer, lang=profile, prompt=prompt)
    assert verdict.followed is followed, verdict.reason


def test_sentences(profile: LanguageProfile) -> None:
    text = "Il Sig. Dott. Rossi arrivò alle tre. Portò pane, frutta ecc. e se ne andò."
    assert len(sentences(text, profile)) == 2
