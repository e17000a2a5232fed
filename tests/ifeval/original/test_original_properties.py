"""What holds of the original's verdicts on any answer whatever."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import seconds

from lm_eval_iberian.ifeval.original import judge_original, satisfiable


pytestmark = pytest.mark.slow

LENGTH = 100_000
SECONDS = 1.0  # of this process, for one instruction, strictly and loosely
LANGUAGES = ["en", "eu", "gl", "ca", "es"]
UNITS = [
    "a", "A", " ", "\n", "\t \r\n", "*", "* ", "*\n", "-\n", "[", "<<", "<<a", '"', "'",
    ".", ". ", ".\n", "A. ", "!? ", "p. p. ", "1", "{", "U.S. ", "ATALA ", "ATALA 1 ",
    "\u0301", "ñ", "日", "😀", "\ud800", "\x00", "HELLO ", "hello, ", "a@", "http://a ",
    "<think>", "******", "can", "CANnot ", "(", "“", "_", "\u2028",
]  # fmt: skip
pieces = st.sampled_from([*UNITS, "Kaixo denoi.", "Hello there!", "\n\n", "***", "ama"])
answers = st.one_of(
    st.text(st.characters(codec=None), max_size=80),
    st.lists(pieces, max_size=30).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(answer=answers, lang=st.sampled_from(LANGUAGES))
def test_every_answer_gets_verdicts(
    arguments: dict[str, dict[str, Any]], answer: str, lang: str
) -> None:
    strict, loose = judge_original(
        list(arguments), list(arguments.values()), answer, lang=lang, prompt="p"
    )
    again = judge_original(
        list(arguments), list(arguments.values()), answer, lang=lang, prompt="p"
    )
    assert (strict, loose) == again
    for name, one, other in zip(arguments, strict, loose, strict=True):
        if one is None or other is None:
            assert one is other is None
            assert (name, lang) in {
                ("language:response_language", code) for code in LANGUAGES[1:]
            }
        else:
            assert one.reason.strip()
            assert other.followed >= one.followed


@settings(max_examples=150, deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(
            ["keywords", "keyword", "frequency", "relation", "letter", "let_frequency",
             "num_words", "num_paragraphs", "nth_paragraph", "first_word", "language",
             "num_bullets", "section_spliter", "num_sections", "postscript_marker",
             "end_phrase", "prompt_to_repeat", "forbidden_words", "capital_frequency"]
        ),
        st.one_of(
            st.none(), st.integers(-3, 12), st.floats(), st.text(max_size=4),
            st.lists(st.text(max_size=3), max_size=3), st.booleans(),
            st.sampled_from(["at least", "less than", "C++", "(", "[a", "*", "\\"]),
        ),
    ),
    lang=st.sampled_from(LANGUAGES),
)  # fmt: skip
@pytest.mark.slow
def test_no_arguments_stop_the_scoring(
    arguments: dict[str, dict[str, Any]], values: dict[str, Any], lang: str
) -> None:
    for name in arguments:
        judge_original([name], [values], "Kaixo. Ama!\n\nAgur", lang=lang, prompt="p")
        assert satisfiable(name, values, lang=lang, prompt="p") in (True, False)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("lang", ["en", "eu"])
@pytest.mark.slow
def test_time_is_bounded(
    arguments: dict[str, dict[str, Any]], unit: str, lang: str
) -> None:
    for answer in (unit * (LENGTH // len(unit)), f"x {unit * (LENGTH // len(unit))} x"):
        for name, kwargs in arguments.items():
            judge = partial(judge_original, [name], [kwargs], answer)
            took = seconds(partial(judge, lang=lang, prompt="p"), SECONDS)
            assert took < SECONDS, f"{name}: {took:.1f} s"


@pytest.fixture(autouse=True, scope="module")
def warm(arguments: dict[str, dict[str, Any]]) -> None:
    for lang in LANGUAGES:
        judge_original(
            list(arguments), list(arguments.values()), "KAIXO", lang=lang, prompt="p"
        )
