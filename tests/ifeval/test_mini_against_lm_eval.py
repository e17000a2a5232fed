"""Our verdicts on the small set's own answers beside lm-eval 0.4.13's, as on real ones.

lm-eval's were computed with its English sentence model and langdetect's seed at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.original import judge_original, satisfiable
from lm_eval_iberian.ifeval.original import text as original_text
from lm_eval_iberian.jsonl import read_jsonl


TESTS = Path(__file__).parents[1]
MINI = TESTS.parent / "data" / "ifeval" / "mini"
VERDICTS = TESTS / "cases" / "ifeval_lm_eval" / "mini_en.jsonl"
# lm-eval reads "etc." inside a sentence as its end
APART = {(2, "length_constraints:number_sentences")}
# what is in the way of an obedient answer under the original scoring
UNSATISFIABLE = {
    "en": set(),
    "eu": {(12, "lowercase"), (32, "lowercase"), (14, "multiple_sections"),
           (30, "multiple_sections"), (43, "multiple_sections")},
    "gl": {(12, "lowercase"), (32, "lowercase"), (11, "constrained_response"),
           (35, "constrained_response"), (49, "letter_frequency")},
    "ca": {(12, "lowercase"), (32, "lowercase"), (40, "letter_frequency")},
    "es": {(12, "lowercase"), (32, "lowercase"), (5, "letter_frequency")},
}  # fmt: skip
Row = dict[str, Any]
Pair = tuple[bool, bool]


def by_key(path: Path) -> dict[int, Row]:
    return {row["key"]: row for _, row in read_jsonl(path)}


@pytest.fixture(scope="module")
def answered() -> list[tuple[Row, str, Row]]:
    """Each prompt with an answer and what lm-eval said of it."""
    prompts, golden = by_key(MINI / "en.jsonl"), by_key(MINI / "golden" / "en.jsonl")
    return [
        (prompts[row["key"]], golden[row["key"]][row["model"]], row)
        for _, row in read_jsonl(VERDICTS)
    ]


def original(prompt: Row, answer: str) -> list[Pair]:
    ids, kwargs = prompt["instruction_id_list"], prompt["kwargs"]
    strict, loose = judge_original(
        ids, kwargs, answer, lang="en", prompt=prompt["prompt"]
    )
    pairs = zip(strict, loose, strict=True)
    return [(bool(s and s.followed), bool(a and a.followed)) for s, a in pairs]


def repaired(prompt: Row, answer: str) -> list[Pair]:
    score = score_row(prompt, answer, lang="en")
    pairs = zip(score.strict, score.loose, strict=True)
    return [(s.followed, a.followed) for s, a in pairs]


@pytest.mark.parametrize(("judge", "apart"), [(original, set()), (repaired, APART)])
def test_the_small_set_is_judged_as_by_lm_eval(
    answered: list[tuple[Row, str, Row]],
    judge: Callable[[Row, str], list[Pair]],
    apart: set[tuple[int, str]],
) -> None:
    judged = [
        (row["key"], name, ours, theirs)
        for prompt, answer, row in answered
        for name, ours, theirs in zip(
            prompt["instruction_id_list"],
            judge(prompt, answer),
            zip(row["strict"], row["loose"], strict=True),
            strict=True,
        )
    ]
    assert len(judged) == 162
    assert {each[:2] for each in judged if each[2] != each[3]} == apart


def test_the_small_set_s_sentences_are_counted_as_by_lm_eval(
    answered: list[tuple[Row, str, Row]],
) -> None:
    ours = [original_text.count_sentences(answer) for _, answer, _ in answered]
    assert ours == [row["sentences"] for _, _, row in answered]
    assert max(ours) > 8


@pytest.mark.parametrize("lang", UNSATISFIABLE)
def test_of_the_small_set_only_known_rows_cannot_be_followed(lang: str) -> None:
    found = {
        (row["key"], name.split(":")[1].removeprefix("english_"))
        for _, row in read_jsonl(MINI / f"{lang}.jsonl")
        for name, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True)
        if not satisfiable(name, kwargs, lang=lang, prompt=row["prompt"])
    }
    assert found == UNSATISFIABLE[lang]
