"""Every checker beside lm-eval's own class, on made-up answers and arguments.

lm-eval needs its sentence model for that, which is not part of the project; it is lent
ours, so that all but the sentence lists is compared. How those count is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lm_eval_iberian.ifeval.original import judge_original
from lm_eval_iberian.ifeval.original import text as original_text


# by lm-eval's trained English model
COUNTS = Path(__file__).parents[2] / "cases/ifeval_lm_eval/sentence_counts.json"
RELATIONS = st.sampled_from(["at least", "less than"])
WORDS = st.sampled_from(
    [
        "cat",
        "The",
        "C++",
        "a.b",
        "well-known",
        "(x",
        "[a-c]",
        "P.S.",
        "über",
        "*",
        "x|y",
    ]
)
SMALL = st.integers(1, 6)
ARGUMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "keywords:existence": {"keywords": st.lists(WORDS, min_size=1, max_size=3)},
    "keywords:frequency": {"keyword": WORDS, "frequency": SMALL, "relation": RELATIONS},
    "keywords:forbidden_words": {
        "forbidden_words": st.lists(WORDS, min_size=1, max_size=3)
    },
    "keywords:letter_frequency": {
        "letter": st.sampled_from("aetzX"),
        "let_frequency": SMALL,
        "let_relation": RELATIONS,
    },
    "language:response_language": {"language": st.sampled_from(["en", "de", "es"])},
    "length_constraints:number_words": {"num_words": SMALL, "relation": RELATIONS},
    "length_constraints:number_sentences": {
        "num_sentences": SMALL,
        "relation": RELATIONS,
    },
    "length_constraints:number_paragraphs": {"num_paragraphs": SMALL},
    "length_constraints:nth_paragraph_first_word": {
        "num_paragraphs": st.just(3),
        "nth_paragraph": st.integers(1, 3),
        "first_word": st.sampled_from(["the", "The", "cat", "über", "'tis"]),
    },
    "detectable_content:number_placeholders": {"num_placeholders": SMALL},
    "detectable_content:postscript": {
        "postscript_marker": st.sampled_from(
            ["P.S.", "P.P.S", "Note", "P.D.", "*", "+", "(", "a|b", "x\\"]
        )
    },
    "detectable_format:number_bullet_lists": {"num_bullets": SMALL},
    "detectable_format:number_highlighted_sections": {"num_highlights": SMALL},
    "detectable_format:multiple_sections": {
        "section_spliter": st.sampled_from(["Section", "SECTION", "(Day)", "*"]),
        "num_sections": SMALL,
    },
    "detectable_format:json_format": {},
    "detectable_format:title": {},
    "detectable_format:constrained_response": {},
    "combination:two_responses": {},
    "combination:repeat_prompt": {"prompt_to_repeat": st.sampled_from(["The ", "<<"])},
    "startend:end_checker": {"end_phrase": st.sampled_from(["cat.", '"', "The end"])},
    "startend:quotation": {},
    "change_case:english_capital": {},
    "change_case:english_lowercase": {},
    "change_case:capital_word_frequency": {
        "capital_frequency": SMALL,
        "capital_relation": RELATIONS,
    },
    "punctuation:no_comma": {},
}
PIECES = [
    "\n", "\n\n", " ", "* ", "*", "**", "***", "******", "- ", "-", "[x]", "[", "]",
    "<<", ">>", '"', "'", ",", ".", "? ", "...", "The cat sat. ", "THE U.S. ",
    "can't", "CANnot ", "A", "I ", "Section 1", "SECTION 2\n", "(Day) 1", "P.S. ",
    "p. p. s", "42", "{}", "```json\n", "```", "```JSON", "My answer is no.", "über",
    "u\u0308ber", "Ⅷ", "²", "m² ", "\u0301", "\u2028", "\r\n", "\t", "日本", "‘X’",
    "“NO”", "—", "NaN", "<< a >>", "Der Hund bellt laut. ", "NASA's ROCKET (X-1) ",
    "the quick brown fox jumps over the lazy dog and runs away ", "e.g. This",
    "J. Smith", "gonna", "'tis", "Note: ", "\x1c",
]  # fmt: skip
answers = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    pytest.importorskip("immutabledict", reason="NO IMMUTABLEDICT: lm-eval needs it")
    import langdetect
    import nltk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(langdetect.DetectorFactory, "seed", 0)
        patch.setattr(nltk, "download", lambda *_: False)
        from lm_eval.tasks.ifeval import utils

        util = utils.instructions_registry.instructions.instructions_util
        patch.setattr(util, "_get_sentence_tokenizer", original_text._punkt)
        patch.setattr(
            nltk.tokenize, "_get_punkt_tokenizer", lambda _: original_text._punkt()
        )
        yield utils


def by_lm_eval(
    utils: Any, name: str, kwargs: dict[str, Any], answer: str
) -> tuple[bool, bool]:
    row = utils.InputExample(0, [name], "", [kwargs])
    try:
        strict = utils.test_instruction_following_strict(row, answer)
        loose = utils.test_instruction_following_loose(row, answer)
    except Exception:
        return False, False  # lm-eval stops here; ours says not followed
    return strict.follow_instruction_list[0], loose.follow_instruction_list[0]


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), answer=answers)
@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.slow
def test_same_verdicts(theirs: Any, name: str, data: Any, answer: str) -> None:
    kwargs = data.draw(st.fixed_dictionaries(ARGUMENTS[name]))
    (strict,), (loose,) = judge_original(
        [name], [kwargs], answer, lang="en", prompt="p"
    )
    assert strict is not None
    assert loose is not None
    found = (strict.followed, loose.followed)
    assert found == by_lm_eval(theirs, name, kwargs, answer), (strict, loose)


def test_our_sentence_lists_count_as_the_trained_model(reference: Path) -> None:
    """98.9 % of the answers of four models have the same number of sentences."""
    same = total = 0
    for row in json.loads(COUNTS.read_text("utf-8")):
        path = reference / "m_ifeval" / f"en_responses_{row['model']}.jsonl"
        lines = path.read_bytes().splitlines()
        for line, trained in zip(lines, row["sentences"], strict=True):
            text = json.loads(line)["response"] or ""
            same += original_text.count_sentences(text) == trained
            total += 1
    assert total == 4 * 541
    assert same / total >= 0.985
