"""Texts of others in a page: shown, never obeyed."""

from __future__ import annotations

import json
import re

import pytest
from hostile import HOSTILE

from lm_eval_iberian.page.visible_text import chunk_json, script_json, visible


@pytest.mark.parametrize(
    ("text", "shown", "why"),
    [
        ("Kaixo, mundua\n\tbai", "Kaixo, mundua\n\tbai", "layout is kept"),
        ("\u202egnp", "⟨U+202E⟩gnp", "an override turns what follows"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩", "an isolate too"),
        ("\x00\x1b[31m", "⟨U+0000⟩⟨U+001B⟩[31m", "control characters"),
        ("\ud83d", "⟨U+D83D⟩", "a lone surrogate has no UTF-8"),
        ("a\u2028b", "a⟨U+2028⟩b", "a line separator"),
        ("\u200b\ufeff", "⟨U+200B⟩⟨U+FEFF⟩", "nothing to be seen"),
        ("\U000e0041", "⟨U+E0041⟩", "tags spell texts that nobody sees"),
        ("👩\u200d👧", "👩\u200d👧", "a joiner makes one face of two"),
        ("<b>", "<b>", "markup is for the template to escape"),
    ],
)
def test_what_would_not_be_seen_is_spelled(text: str, shown: str, why: str) -> None:
    assert visible(text) == shown, why


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_text_has_a_form_that_is_written(text: str) -> None:
    visible(text).encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_in_a_script_cannot_end_it(text: str) -> None:
    found = script_json({text: [text]})
    assert found.isascii()
    assert not re.search("[<>&]", found)
    assert json.loads(found) == {text: [text]}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_of_a_chunk_holds_the_text_itself(text: str) -> None:
    found = chunk_json([text])
    assert json.loads(found.decode("utf-8")) == [text]


@pytest.mark.parametrize("write", [script_json, chunk_json])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(write: object, value: float) -> None:
    assert callable(write)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write([value])
