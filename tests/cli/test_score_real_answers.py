"""``iberian score`` on answers of real models: the right prompts, and wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main


def score(path: Path, prompts: Path, lang: str) -> Result:
    arguments = ["score", str(path), "--data", str(prompts), "--lang", lang]
    return CliRunner().invoke(main, arguments)


def answers(reference: Path, pattern: str) -> list[Path]:
    found = sorted(reference.glob(pattern))
    assert found
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "right", "wrong", "lang"),
    [
        ("m_ifeval/en_responses_*", "m_ifeval/en_input_data", "iber_ifeval/gl", "en"),
        ("m_ifeval/es_responses_*", "m_ifeval/es_input_data", "iber_ifeval/es", "es"),
        ("m_ifeval_es/*.strict.*", "m_ifeval_es/es_input_data", "iber_ifeval/es", "es"),
    ],
)
def test_every_file_by_its_prompts_and_by_others(
    reference: Path, pattern: str, right: str, wrong: str, lang: str
) -> None:
    prompts = reference / f"{right}.jsonl"
    rows = [json.loads(line) for line in prompts.read_bytes().splitlines()]
    count, asked = len(rows), sum(len(row["instruction_id_list"]) for row in rows)
    for path in answers(reference, pattern):
        result = score(path, prompts, lang)
        assert result.exit_code == 0, result.output
        assert f"{count} prompts, {asked} instructions scored" in result.output
        assert "without a prompt" not in result.output
        other = wrong.rpartition("/")[2]
        result = score(path, reference / f"{wrong}.jsonl", other)
        assert result.exit_code == 1
        assert f"{count} of {count}" in " ".join(result.output.split())
        assert path.name in result.output


@pytest.mark.parametrize("lang", ["ca", "es", "gl"])
def test_prompts_of_one_key_in_two_languages_are_two(
    reference: Path, tmp_path: Path, lang: str
) -> None:
    path = tmp_path / "answers.jsonl"
    rows = (reference / f"iber_ifeval/{lang}.jsonl").read_text("utf-8")
    path.write_text(rows.replace('{"key":', '{"response":"Bai.","key":'), "utf-8")
    prompts = reference / "iber_ifeval"
    assert score(path, prompts / f"{lang}.jsonl", lang).exit_code == 0
    result = score(path, prompts / "es.jsonl" if lang != "es" else prompts / "gl.jsonl",
                   "es" if lang != "es" else "gl")  # fmt: skip
    assert result.exit_code == 1
    assert "answers.jsonl" in result.output
