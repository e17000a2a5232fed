"""What is wrong with a translation: each trouble alone, none where all is well."""

from __future__ import annotations

import pytest

from lm_eval_iberian.health import examine_translation
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data


SOURCE = "El ayuntamiento abrirá mañana la nueva biblioteca del barrio."
WELL = "Udalak auzoko liburutegi berria irekiko du bihar."

# answer, source, what is wrong, why
CASES = [
    (WELL, SOURCE, set(), "a translation"),
    (f"{WELL}\nSpanish sentence: Adiós.", SOURCE, set(), "a base model goes on"),
    ("", SOURCE, {"empty"}, "nothing"),
    ("<think>Hm", SOURCE, {"empty", "unclosed_thought"}, "the limit in a thought"),
    (SOURCE, SOURCE, {"source_copied", "off_language"}, "the source again"),
    (
        "The council will open the new library of the district tomorrow.",
        SOURCE,
        {"off_language"},
        "into English, not Basque",
    ),
    ("Bai, noski.", SOURCE, {"length_ratio"}, "no translation of it"),
    (" ".join([WELL] * 4), SOURCE, {"length_ratio"}, "four times the same"),
    (
        f"Hona hemen itzulpena:\n{WELL}",
        SOURCE,
        {"length_ratio", "first_line_cut"},
        "announced",
    ),
    (
        "Udalak auzoko liburutegi\nberria irekiko du bihar.",
        SOURCE,
        {"length_ratio", "first_line_cut"},
        "broken into two lines",
    ),
    (
        "Udalak auzoko liburutegi berri",
        SOURCE,
        {"first_line_cut"},
        "the limit within the sentence",
    ),
    ("Agur", "Adiós", set(), "short, and without a full stop as its source"),
    ("Kaixo, mundua", "Hola, mundo.", set(), "a full stop forgotten"),
]


@pytest.mark.parametrize(("answer", "source", "wrong", "why"), CASES)
def test_each_trouble_is_seen(
    answer: str, source: str, wrong: set[str], why: str
) -> None:
    rates = examine_translation(answer, source, "eu").rates()
    assert {name.removesuffix("_rate") for name, flag in rates.items() if flag} == (
        wrong
    ), why


@pytest.mark.parametrize("target", ["eu", "gl", "ca", "es", "en"])
def test_people_s_translations_are_well(target: str) -> None:
    """Has nothing to say of the shipped sentences, whatever the source's language."""
    texts = {
        lang: [row["sentence"] for _, row in read_jsonl(folder / f"{lang}.jsonl")]
        for lang in ("eu", "gl", "ca", "es", "en")
        if (folder := data() / "flores" / "mini")
    }
    for source, sentences in texts.items():
        if source != target:
            for given, wanted in zip(sentences, texts[target], strict=True):
                health = examine_translation(wanted, given, target)
                assert not any(health.rates().values()), (source, wanted, health)
