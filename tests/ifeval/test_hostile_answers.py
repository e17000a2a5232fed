"""No answer, however long and odd, holds up the scoring."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import seconds

from lm_eval_iberian.ifeval import INSTRUCTIONS, SCORINGS, check, score_row
from lm_eval_iberian.languages import available_languages


pytestmark = pytest.mark.slow

LENGTH = 100_000
SECONDS = 1.0  # of this process; linear work takes a tenth, quadratic work minutes
UNITS = [
    "a", "*a ", "** ", "_a ", "[a", "<<", "[1,", '" ', "“", "a, ", "\n ", "-\n", "1. ",
    "P.S. ", "... A", "1. ATALA ", "ama-", "amarena", "\u0301", "***", "```\n",
    "http://", "a@b.", "<think>", "</think>\n", "(a", "XIV. a",
    "<b>", "<b x", "<p>\n", "<br>", "<!-- ", "&amp;", "![a](", "[a](b", "[a]: ", "[`a",
    "`a` ", "\\[a", "\\*", "**a: **", "_*a", "***a** ", "~~a", "« \n»", "1\ufe0f\u20e3",
    "</answer>", "<|im_end|>", "\u200b", "Col. ", "S/. ", "EE. ", "A BC ", "1) a ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.slow
def test_time_is_bounded(arguments: dict[str, dict[str, Any]], unit: str) -> None:
    answer = 'x "' + unit * (LENGTH // len(unit))
    for name in INSTRUCTIONS:
        judge = partial(check, name, arguments[name], answer, prompt="Jarri «A».")
        took = seconds(partial(judge, lang="eu"), SECONDS)
        assert took < SECONDS, f"{name}: {took:.1f} s"


ODD = st.text(
    st.one_of(
        st.sampled_from("\\.^$*+?{}[]|()/-\"'«»<>#\n\u0301\ud800\u202eñ·"),
        st.characters(),
    ),
    min_size=1,
    max_size=12,
)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "count": st.integers(0, 60),
    "rank": st.integers(1, 9),
    "text": ODD.filter(lambda text: bool(text.strip())),
    "texts": st.lists(
        ODD.filter(lambda text: bool(text.strip())), min_size=1, max_size=4
    ),
    "character": st.characters().filter(
        lambda c: len(unicodedata.normalize("NFC", c)) == 1
    ),
    "language": st.sampled_from(["eu", "gl", "ca", "es", "en", "hi"]),
    "relation": st.sampled_from(["less than", "at least"]),
}


@st.composite
def asked(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    instruction = INSTRUCTIONS[draw(st.sampled_from(sorted(INSTRUCTIONS)))]
    return instruction.id, {p.name: draw(KINDS[p.kind]) for p in instruction.kwargs}


@settings(max_examples=400, deadline=None)
@given(
    row=asked(),
    unit=ODD,
    times=st.sampled_from([1, 3, 40, 8000]),
    lang=st.sampled_from(available_languages()),
    scoring=st.sampled_from(SCORINGS),
)
def test_any_arguments_and_any_answer_get_verdicts_in_time(
    row: tuple[str, dict[str, Any]], unit: str, times: int, lang: str, scoring: str
) -> None:
    name, kwargs = row
    given_row = {
        "prompt": f"{unit}?", "instruction_id_list": [name], "kwargs": [kwargs],
    }  # fmt: skip
    score = score_row(given_row, (unit * times)[:LENGTH], lang=lang, scoring=scoring)
    for strict, loose in zip(score.strict, score.loose, strict=True):
        assert loose.followed or not strict.followed
    judge = partial(check, name, kwargs, (unit * times)[:LENGTH])
    assert seconds(partial(judge, lang=lang, scoring=scoring), SECONDS) < SECONDS


@pytest.fixture(autouse=True, scope="module")
def warm(arguments: dict[str, dict[str, Any]]) -> None:
    for name in INSTRUCTIONS:
        for lang in available_languages():
            for scoring in SCORINGS:
                check(
                    name, arguments[name], "Kaixo. Zer?" * 9, lang=lang, scoring=scoring
                )
