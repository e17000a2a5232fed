"""Which language an answer is wanted in, by its prompt."""

from __future__ import annotations

import pytest

from lm_eval_iberian.health import without_repeated_prompt
from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.languages import load_profile


@pytest.mark.parametrize(
    ("lang", "prompt", "wanted"),
    [
        ("eu", None, "eu"),
        ("eu", "Idatzi olerki bat letra larriz.", "eu"),
        ("eu", "Idatzi olerki bat ingelesez, letra larriz.", "en"),
        ("eu", "Erantzuna INGELESEZKOA izan behar da.", "en"),
        ("eu", "Ingelesez eta letra larriz. Gaia: nola esan frantsesez kaixo.", "en"),
        ("eu", "Esaldi hau frantsesez dago. Orain itzuli euskarara.", "eu"),
        ("eu", "Ingelesa ikasi nahi dut, dena minuskulaz.", "eu"),
        ("ca", "Explica en francès què és el pa, sense fer servir «pain».", "fr"),
        ("ca", "Descriu en basc el poble, fent servir frases curtes.", "eu"),
        ("ca", "Explica com es diu pa en francès.", "ca"),
        ("es", "Explica en francés qué es el pan, sin utilizar «pain».", "fr"),
        ("gl", "Explica en francés que é o pan, sen usar «pain».", "fr"),
        ("eu", "Azaldu frantsesez zer den ogia, «pain» hitza erabili gabe.", "fr"),
        ("en", "Your entire response should be in English, in lowercase.", "en"),
        ("en", "Translate it into Spanish. All capital letters.", "es"),
        ("en", "My English teacher is in all capital letters.", "en"),
    ],
)
def test_the_prompt_says(lang: str, prompt: str | None, wanted: str) -> None:
    assert asked_language(Answer("x", load_profile(lang), prompt)) == wanted


@pytest.mark.parametrize(
    ("lang", "prompts"),
    [
        (
            "eu",
            {
                "br": "Erantzun bretoieraz.",
                "da": "Erantzun danieraz.",
                "nl": "Erantzun nederlanderaz.",
                "sr": "Erantzun serbieraz.",
                "sv": "Itzuli suedierara.",
            },
        ),
        (
            "gl",
            {
                "br": "Responde en bretón.",
                "da": "Responde en dinamarqués.",
                "nl": "Responde en neerlandés.",
                "sr": "Responde en serbio.",
                "sv": "Responde na lingua sueca.",
            },
        ),
        (
            "ca",
            {
                "br": "Respon en bretó.",
                "da": "Respon en danès.",
                "nl": "Respon en neerlandès.",
                "sr": "Respon en serbi.",
                "sv": "Tradueix-ho al suec.",
            },
        ),
        (
            "es",
            {
                "br": "Responde en bretón.",
                "da": "Responde en danés.",
                "nl": "Responde en neerlandés.",
                "sr": "Responde en serbio.",
                "sv": "Responde en sueco.",
            },
        ),
        (
            "en",
            {
                "br": "Answer in Breton.",
                "da": "Answer in Danish.",
                "nl": "Answer in Dutch.",
                "sr": "Answer in Serbian.",
                "sv": "Translate it into Swedish.",
            },
        ),
    ],
)
def test_the_languages_of_the_published_prompts_have_their_wordings(
    lang: str, prompts: dict[str, str]
) -> None:
    profile = load_profile(lang)
    found = {
        wanted: asked_language(Answer("x", profile, prompt))
        for wanted, prompt in prompts.items()
    }
    assert found == {wanted: wanted for wanted in prompts}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Idatzi gutun luze bat lagunari.\n\nKaixo.", "\nKaixo."),
        ("Kaixo.\nIdatzi gutun luze bat lagunari.", None),
        ("Idatzi\nKaixo.", None),
        ("", None),
    ],
)
def test_the_repeated_request_is_no_answer(text: str, left: str | None) -> None:
    prompt = "Errepikatu hau: idatzi gutun luze bat lagunari."
    assert without_repeated_prompt(text, prompt) == (text if left is None else left)
