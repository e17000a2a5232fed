"""The golden answers: one follows everything, one breaks exactly what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.ifeval import resolve, score_row


MINI = Path(__file__).parents[2] / "data" / "ifeval" / "mini"
LANGUAGES = sorted(path.stem for path in (MINI / "golden").glob("*.jsonl"))
if not LANGUAGES:
    pytest.skip(f"NO GOLDEN ANSWERS in {MINI / 'golden'}", allow_module_level=True)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def pairs() -> list[Any]:
    found = []
    for lang in LANGUAGES:
        prompts = {row["key"]: row for row in read(MINI / f"{lang}.jsonl")}
        for golden in read(MINI / "golden" / f"{lang}.jsonl"):
            case = (lang, prompts[golden["key"]], golden)
            found.append(pytest.param(*case, id=f"{lang} {golden['key']}"))
    return found


@pytest.mark.parametrize(("lang", "prompt", "golden"), pairs())
def test_the_compliant_answer_follows_everything(
    lang: str, prompt: dict[str, Any], golden: dict[str, Any]
) -> None:
    score = score_row(prompt, golden["compliant"], lang=lang)
    named = zip(score.instruction_ids, score.strict, strict=True)
    broken = {name: verdict.reason for name, verdict in named if not verdict.followed}
    assert broken == {}


@pytest.mark.parametrize(("lang", "prompt", "golden"), pairs())
def test_the_other_answer_breaks_what_it_says(
    lang: str, prompt: dict[str, Any], golden: dict[str, Any]
) -> None:
    score = score_row(prompt, golden["non_compliant"], lang=lang)
    named = zip(score.instruction_ids, score.strict, strict=True)
    broken = sorted(name for name, verdict in named if not verdict.followed)
    said = sorted(resolve(name).id for name in golden["broken"])
    assert broken == said, [verdict.reason for verdict in score.strict]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_prompt_has_golden_answers(lang: str) -> None:
    prompts = sorted(row["key"] for row in read(MINI / f"{lang}.jsonl"))
    golden = sorted(row["key"] for row in read(MINI / "golden" / f"{lang}.jsonl"))
    assert prompts == golden
