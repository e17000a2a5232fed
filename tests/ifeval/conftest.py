"""Arguments with which every instruction type can be called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


Row = dict[str, Any]


ARGUMENTS: dict[str, dict[str, Any]] = {
    "keywords:existence": {"keywords": ["ama", "C++", "energia garbi"]},
    "keywords:frequency": {"keyword": "baso", "frequency": 2, "relation": "at least"},
    "keywords:forbidden_words": {"forbidden_words": ["a", "ama"]},
    "keywords:letter_frequency": {
        "letter": "a",
        "let_frequency": 3,
        "let_relation": "less than",
    },
    "language:response_language": {"language": "eu"},
    "length_constraints:number_words": {"num_words": 3, "relation": "at least"},
    "length_constraints:number_sentences": {
        "num_sentences": 2,
        "relation": "less than",
    },
    "length_constraints:number_paragraphs": {"num_paragraphs": 2},
    "length_constraints:nth_paragraph_first_word": {
        "num_paragraphs": 1,
        "nth_paragraph": 1,
        "first_word": "ama",
    },
    "detectable_content:number_placeholders": {"num_placeholders": 1},
    "detectable_content:postscript": {"postscript_marker": "P.S."},
    "detectable_format:number_bullet_lists": {"num_bullets": 1},
    "detectable_format:number_highlighted_sections": {"num_highlights": 1},
    "detectable_format:multiple_sections": {
        "section_spliter": "ATALA",
        "num_sections": 2,
    },
    "detectable_format:json_format": {},
    "detectable_format:title": {},
    "detectable_format:constrained_response": {},
    "combination:two_responses": {},
    "combination:repeat_prompt": {"prompt_to_repeat": "Idatzi poema bat."},
    "startend:end_checker": {"end_phrase": "Agur."},
    "startend:quotation": {},
    "change_case:english_capital": {},
    "change_case:english_lowercase": {},
    "change_case:capital_word_frequency": {
        "capital_frequency": 1,
        "capital_relation": "at least",
    },
    "punctuation:no_comma": {},
}


@pytest.fixture(scope="session")
def arguments() -> dict[str, dict[str, Any]]:
    return ARGUMENTS


@pytest.fixture(scope="session")
def stored(reference: Path) -> list[tuple[Row, str, Row]]:
    """English prompts, answers of four models, and what lm-eval said of each."""
    folder = reference / "m_ifeval"
    prompts = {row["key"]: row for row in _lines(folder / "en_input_data.jsonl")}
    answers: dict[tuple[str, int], str] = {}
    for path in sorted(folder.glob("en_responses_*.jsonl")):
        model = path.stem.removeprefix("en_responses_")
        for key, row in zip(prompts, _lines(path), strict=True):
            assert row["prompt"] == prompts[key]["prompt"]
            answers[model, key] = row["response"]
    return [
        (prompts[row["key"]], answers[row["model"], row["key"]], row)
        for row in _lines(folder / "en_verdicts_lm_eval_0.4.13.jsonl")
    ]


def _lines(path: Path) -> Iterator[Row]:
    for line in path.read_bytes().splitlines():
        yield json.loads(line)
