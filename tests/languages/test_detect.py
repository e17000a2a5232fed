"""The language decision: offline, deterministic, never silent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import seconds

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.languages import decide_language, identify
from lm_eval_iberian.languages.detect import known_languages, running_text
from lm_eval_iberian.languages.running_text import chunks


BASQUE = (
    "Gaur goizean goiz jaiki naiz eta mendira joan naiz lagunekin. Eguraldia ederra "
    "zen, eta gailurretik itsasoa ikusi dugu."
)
ENGLISH = (
    "This morning I got up early and went to the mountains with my friends. The "
    "weather was lovely, and from the top we could see the sea."
)
NAMES = (
    "1. *ALEXANDRA*\n2. *JONATHAN*\n3. EMMA\n4. LIAM\n5. *ISABELLA*\n6. NOAH\n7. OLIVIA"
    "\n8. ETHAN\n9. SOPHIA\n10. MASON\n11. AVA\n12. JACK\n13. CHARLOTTE\n14. WILLIAM"
)
# languages that the model, asked among the neighbours only, would take for one of them
FOREIGN = {
    "sw": "Leo asubuhi niliamka mapema na kwenda milimani pamoja na marafiki zangu.",
    "tr": "Bu sabah erken kalktım ve arkadaşlarımla dağlara gittim, hava güzeldi.",
    "id": "Pagi ini saya bangun pagi dan pergi ke gunung bersama teman-teman di sana.",
    "pl": "Dziś rano wstałem wcześnie i pojechałem w góry z przyjaciółmi nad morzem.",
    "el": "Σήμερα το πρωί ξύπνησα νωρίς και πήγα στο βουνό με τους φίλους μου.",
    "he": "הבוקר קמתי מוקדם והלכתי להרים עם החברים שלי ומזג האוויר היה יפה מאוד.",
    "ru": "Сегодня утром я рано встал и пошёл в горы вместе со своими друзьями.",
}


CASES = Path(__file__).parent.parent / "cases" / "languages"


def rows(name: str) -> list[dict[str, str]]:
    lines = (CASES / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("text", "wanted", "status"),
    [
        (BASQUE, "eu", "accepted"),
        (BASQUE, "en", "rejected"),
        (BASQUE.upper(), "eu", "accepted"),
        (f"{BASQUE} {ENGLISH}", "eu", "rejected"),
        (f"{BASQUE} {ENGLISH}", "en", "rejected"),
        ("", "eu", "undetermined"),
        ("Bai.", "eu", "undetermined"),
        (NAMES, "en", "undetermined"),
        ("Kaixo, zer moduz?", "eu", "accepted"),
        ("Kaixo denoi, zer moduz?", "eu", "accepted"),
        ("12345 !!!", "eu", "undetermined"),
        ("\ud800" * 100, "eu", "undetermined"),
        (f"{BASQUE}\n```\n{ENGLISH}\n```", "eu", "accepted"),
        (f"```\n{BASQUE}\n```", "eu", "accepted"),
        (
            f"{BASQUE} [insert the name of the company and the full address]",
            "eu",
            "accepted",
        ),
        (f"[{BASQUE}]", "eu", "accepted"),
        (
            f"{BASQUE} https://example.org/this-is-a-page-about-the-weather",
            "eu",
            "accepted",
        ),
        (ENGLISH, "en", "accepted"),
        *[(text, lang, "accepted") for lang, text in FOREIGN.items()],
        *[(text, "eu", "rejected") for text in FOREIGN.values()],
        *[(text, "en", "rejected") for text in FOREIGN.values()],
    ],
)
def test_decisions(text: str, wanted: str, status: str) -> None:
    decision = decide_language(text, wanted)
    assert decision.status == status, decision.reason
    assert decision.reason


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="language code 'xx'"):
        decide_language(BASQUE, "xx")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    assert decide_language(text, "eu").reason


def test_the_models_global_state_is_left_alone() -> None:
    from py3langid import langid

    before = langid.classify(FOREIGN["ru"])[0]
    decide_language(BASQUE, "eu")
    assert langid.classify(FOREIGN["ru"])[0] == before == "ru"


@pytest.mark.slow
def test_the_same_in_another_process_with_another_hash_seed() -> None:
    code = (
        "from lm_eval_iberian.languages import decide_language as d;"
        f"print([d({BASQUE!r}, w) for w in ('eu', 'en', 'hi')])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("case", [str, str.upper, str.lower])
@pytest.mark.parametrize("row", rows("decisions.jsonl"), ids=lambda row: row["why"])
def test_the_table_of_decisions(
    row: dict[str, str], case: Callable[[str], str]
) -> None:
    decision = decide_language(case(row["text"]), row["wanted"])
    assert decision.status == row["expected"], decision.reason


@pytest.mark.parametrize("case", [str, str.upper])
@pytest.mark.parametrize("row", rows("world.jsonl"), ids=lambda row: row["lang"])
def test_other_languages_of_the_world(
    row: dict[str, str], case: Callable[[str], str]
) -> None:
    text = case(row["text"])
    assert decide_language(text, row["lang"]).status == "accepted"
    for wanted in {"eu", "gl", "ca", "es", "en"} - {row["lang"]}:
        assert decide_language(text, wanted).status == "rejected"
    assert identify(text) == row["lang"]


@pytest.mark.parametrize("row", rows("world.jsonl"), ids=lambda row: row["lang"])
def test_where_another_language_is_asked_for_ours_are_rejected(
    row: dict[str, str],
) -> None:
    for text in (ENGLISH, BASQUE):
        assert decide_language(text, row["lang"]).status == "rejected"


def test_every_language_can_be_asked_for() -> None:
    assert {"eu", "gl", "ca", "es", "en", "ast", "pt", "sw"} <= set(known_languages())
    for wanted in known_languages():
        assert (decide_language(BASQUE, wanted).status == "accepted") == (
            wanted == "eu"
        )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "word " * 20_000,
        "é" * 1_000_000,
        "[" * 100_000,
        "`" * 100_000,
        " " * 1_000_000 + "x",
        "- " * 50_000,
        "http://" * 20_000,
        "a. " * 300_000,
        "." * 300_000 + " " * 300_000,
        "\ud800\x00\u202e" * 30_000,
        "e" + "\u0301" * 200_000,
        "".join(map(chr, range(32, 0x3000))) * 8,
    ],
    ids=lambda text: repr(text[:6]),
)
def test_hostile_text_is_judged_in_half_a_second(text: str) -> None:
    decide_language(ENGLISH, "eu")
    assert seconds(lambda: decide_language(text, "eu"), 0.5) < 0.5
    assert decide_language(text, "eu").status != "accepted"


def test_of_a_very_long_text_beginning_middle_and_end_are_looked_at() -> None:
    long = (BASQUE + "\n") * 2_000
    middle = len(long) // 2
    assert decide_language(long, "eu").status == "accepted"
    for place in (0, middle, len(long)):
        mixed = f"{long[:place]}\n{ENGLISH}\n{ENGLISH}\n{long[place:]}"
        assert decide_language(mixed, "eu").status == "rejected"
    assert len(running_text(long)) < 20_000


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="ab .!\n。", max_size=900))
def test_chunks_leave_no_letter_out(text: str) -> None:
    kept = "".join("".join(chunks(text)).split())
    assert kept == "".join(text.split())
