"""``iberian score`` on the small set's answers, in the forms that files of them have.

Each file goes with its own prompts, and is refused with those of another language.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.jsonl import read_jsonl


MINI = Path(__file__).parents[2] / "data" / "ifeval" / "mini"
Row = dict[str, Any]


def rows(path: Path) -> list[Row]:
    return [row for _, row in read_jsonl(path)]


def score(path: Path, lang: str) -> Result:
    arguments = ["score", str(path), "--data", str(MINI / f"{lang}.jsonl")]
    return CliRunner().invoke(main, [*arguments, "--lang", lang])


def plain(path: Path, prompt: Row, answer: str) -> Row:
    return {"prompt": prompt["prompt"], "response": answer}


def judged(path: Path, prompt: Row, answer: str) -> Row:
    ids = prompt["instruction_id_list"]
    return {
        "follow_all_instructions": True,
        "follow_instruction_list": [True] * len(ids),
        "instruction_id_list": [f"{path.name[:2]}:{name}" for name in ids],
        "prompt": prompt["prompt"],
        "response": answer,
    }


def write(path: Path, lang: str, form: Callable[[Path, Row, str], Row]) -> Path:
    golden = rows(MINI / "golden" / f"{lang}.jsonl")
    answers = {row["key"]: row["compliant"] for row in golden}
    lines = [
        json.dumps(form(path, prompt, answers[prompt["key"]])) + "\n"
        for prompt in rows(MINI / f"{lang}.jsonl")
    ]
    text = "".join(lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("en_responses_small.jsonl", plain),
        ("es_responses_small.jsonl", plain),
        ("es_small.strict.jsonl.gz", judged),
    ],
)
def test_a_file_of_answers_by_its_own_prompts_and_by_others(
    tmp_path: Path, name: str, form: Callable[[Path, Row, str], Row]
) -> None:
    lang = name[:2]
    path = write(tmp_path / name, lang, form)
    instructions = sum(
        len(row["instruction_id_list"]) for row in rows(MINI / f"{lang}.jsonl")
    )
    result = score(path, lang)
    assert result.exit_code == 0, result.output
    assert f"50 prompts, {instructions} instructions scored" in result.output
    assert "without a prompt" not in result.output
    result = score(path, "gl")
    assert result.exit_code == 1
    assert "50 of 50" in " ".join(result.output.split())
    assert name in result.output


@pytest.mark.parametrize("lang", ["ca", "es", "gl"])
def test_mini_prompts_of_one_key_in_two_languages_are_two(
    tmp_path: Path, lang: str
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(
        "".join(
            json.dumps(row | {"response": "Bai."}) + "\n"
            for row in rows(MINI / f"{lang}.jsonl")
        ),
        "utf-8",
    )
    assert score(path, lang).exit_code == 0
    result = score(path, "gl" if lang == "es" else "es")
    assert result.exit_code == 1
    assert "answers.jsonl" in result.output
