"""A language that no code knows: its TOML file is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.ifeval import check
from lm_eval_iberian.languages import LanguageProfile, read_pack, sentences


PACK = Path(__file__).parent.parent / "cases" / "languages" / "pt.toml"
OPTIONS = "detectable_format:constrained_response"
POSTSCRIPT = "detectable_content:postscript"
PORTUGUESE = (
    "Hoje de manhã levantei-me cedo e fui à serra com as minhas amigas. O tempo estava "
    "lindo e do alto via-se o mar."
)
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
            "detectable_format:multiple_sections",
            {"section_spliter": "SECÇÃO", "num_sections": 2},
            "SECC\u0327A\u0303O 1\nOlá.\n\nSECÇÃO II\nAdeus.",
            None,
            True,
        ),
        ("keywords:existence", {"keywords": ["paz"]}, "É capaz.", None, False),
        ("keywords:existence", {"keywords": ["paz"]}, "Quero paz!", None, True),
        (OPTIONS, {}, "A minha resposta é não.", None, True),
        (OPTIONS, {}, "Não.", None, False),
        (POSTSCRIPT, {"postscript_marker": "P.S."}, "PS: até já", None, True),
        ("startend:quotation", {}, "«Olá a todos.»", None, True),
        ("change_case:portuguese_capital", {}, PORTUGUESE.upper(), None, True),
        ("change_case:english_capital", {}, ENGLISH.upper(), None, False),
        (
            "change_case:english_capital",
            {},
            ENGLISH.upper(),
            "Responde em inglês, só com maiúsculas.",
            True,
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "presidente"},
            "O presidente falou.",
            None,
            True,
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "presidente"},
            "Olhe, presidente.",
            None,
            False,
        ),
        ("language:response_language", {"language": "pt"}, PORTUGUESE, None, True),
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
    text = "O Sr. Dr. Silva chegou às três. Trouxe pão, fruta etc. e foi-se."
    assert len(sentences(text, profile)) == 2
