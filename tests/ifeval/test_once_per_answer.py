"""What is done once: arguments are validated, the language of an answer is decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.ifeval.data import load
from lm_eval_iberian.ifeval.instruction import Instruction
from lm_eval_iberian.ifeval.scoring import score_by
from lm_eval_iberian.languages import detect


ANSWERS = ("compliant", "non_compliant")


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the instructions whose arguments were validated."""
    found: list[str] = []
    validate = Instruction.validate

    def counted(self: Instruction, kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        found.append(self.id)
        return validate(self, kwargs)

    monkeypatch.setattr(Instruction, "validate", counted)
    return found


def all_that_is_reported(row: Any, answer: str) -> None:
    for score in score_by(row, answer):
        _ = score.answered.health, score.satisfiable


def test_a_prompt_is_validated_when_it_is_read(
    root: Path, validated: list[str]
) -> None:
    lines = (root / "data/ifeval/mini/golden/eu.jsonl").read_text("utf-8").splitlines()
    golden = {row["key"]: row for row in map(json.loads, lines)}
    prompts = load("eu", "mini")
    for prompt in prompts:
        for name in ANSWERS:
            all_that_is_reported(prompt, golden[prompt.key][name])
    assert len(prompts) >= 50
    assert len(validated) == sum(len(prompt.instruction_ids) for prompt in prompts)


def test_a_mapping_is_validated_when_it_is_scored(validated: list[str]) -> None:
    ids = ["punctuation:no_comma", "startend:quotation"]
    row = {"key": 1, "prompt": "Agurtu.", "instruction_id_list": ids, "lang": "eu"}
    all_that_is_reported(row | {"kwargs": [{}, {}]}, "Hona, hemen:\nkaixo,\nagur")
    assert validated == ids


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("change_case:english_lowercase", {}),
        ("language:response_language", {"language": "eu"}),
    ],
)
def test_the_language_is_decided_once_for_check_and_rates(
    monkeypatch: pytest.MonkeyPatch, name: str, kwargs: dict[str, Any]
) -> None:
    ranked: list[str | None] = []
    rank = detect.rank

    def counted(parts: list[str], wanted: str | None = None) -> Any:
        ranked.append(wanted)
        return rank(parts, wanted)

    monkeypatch.setattr(detect, "rank", counted)
    detect._decide.cache_clear()
    row = {"key": 1, "prompt": "Agurtu.", "instruction_id_list": [name], "lang": "eu"}
    answer = f"gaur goizean {name} ikusi dugu, eta oso pozik gaude etxean denok."
    all_that_is_reported(row | {"kwargs": [kwargs]}, answer)
    assert ranked == ["eu"]
