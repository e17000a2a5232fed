"""Near neighbours are recognised, so that they are taken for none of our languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.languages import decide_language, identify


CASES = Path(__file__).parent.parent / "cases" / "languages" / "neighbours.jsonl"
ASKED = ("eu", "gl", "ca", "es", "en", "pt", "fr", "it", "ast", "oc", "an")


@cache
def texts(lang: str, size: str) -> list[tuple[str, list[str]]]:
    """Return texts, each with the other languages that it is in word for word."""
    return [
        (row["text"], row.get("also", []))
        for _, row in read_jsonl(CASES)
        if (row["lang"], row["size"]) == (lang, size)
    ]


def wrong(lang: str, size: str) -> dict[str, list[str]]:
    """Return the texts that are accepted as what they are not."""
    found = {
        text: [
            other
            for other in ASKED
            if other not in (lang, *also)
            and decide_language(text, other).status == "accepted"
        ]
        for text, also in texts(lang, size)
    }
    return {text: others for text, others in found.items() if others}


@pytest.mark.parametrize(
    ("lang", "size", "at_least"),
    [
        ("ast", "passage", 25),
        ("oc", "passage", 25),
        ("an", "passage", 12),
        ("gl", "passage", 20),
        ("pt", "passage", 20),
        ("gl", "sentence", 20),
        ("pt", "sentence", 20),
    ],
)
def test_every_passage_is_recognised(lang: str, size: str, at_least: int) -> None:
    """Of Aragonese, of which little is written, one in ten may be unsure."""
    found = [text for text, _ in texts(lang, size)]
    assert len(found) >= at_least
    missed = [text for text in found if identify(text) != lang]
    refused = [t for t in found if decide_language(t, lang).status != "accepted"]
    most = len(found) // 10 if lang == "an" else 0
    assert len(missed) <= most, missed
    assert len(refused) <= most, refused
    assert len(wrong(lang, size)) <= most, wrong(lang, size)


@pytest.mark.parametrize("lang", ["ast", "oc"])
def test_most_short_sentences_are_recognised(lang: str) -> None:
    """``Bonos díes, ¿cómo tas?`` has one word that Spanish lacks."""
    found = [text for text, _ in texts(lang, "sentence")]
    assert len(found) >= 25
    named = [identify(text) == lang for text in found]
    assert sum(named) >= 0.85 * len(found)
    assert len(wrong(lang, "sentence")) <= 0.16 * len(found), wrong(lang, "sentence")


@pytest.mark.parametrize(
    ("lang", "wanted", "name"),
    [("ast", "es", "Asturian"), ("oc", "ca", "Occitan"), ("pt", "gl", "Portuguese")],
)
def test_the_reason_names_the_language(lang: str, wanted: str, name: str) -> None:
    text = texts(lang, "passage")[0][0]
    decision = decide_language(text, wanted)
    assert (decision.status, decision.found) == ("rejected", lang)
    assert decision.reason.startswith(f"the text is {name} (")
