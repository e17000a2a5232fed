"""The language decision: offline, deterministic, never silent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.languages import decide_language


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
        ("Kaixo denoi, zer moduz?", "eu", "undetermined"),
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


def test_the_rule_on_real_passages(reference: Path) -> None:
    """Measured: 2 of 1,533 falsely rejected; 22 of 10,942 falsely accepted, 13 of
    them Asturian, which is left out here."""
    path = reference / "text" / "languages.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["bucket"] != "short" and row["lang"] != "ast"]
    wrong = own = other = passed = 0
    for row in rows[::3]:
        for wanted in ("eu", "gl", "ca", "es", "en"):
            accepted = decide_language(row["text"], wanted).status == "accepted"
            if wanted == row["lang"]:
                own, wrong = own + 1, wrong + (not accepted)
            else:
                other, passed = other + 1, passed + accepted
    assert own > 400
    assert wrong / own < 0.006
    assert passed / other < 0.006
