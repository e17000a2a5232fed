"""``iberian audit``: on files as they come, and on those of real models."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.ifeval.data import load


ANSWER = "Kaixo denoi, hemen nago."


def audit(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


def told(result: Result) -> str:
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit | None)
    return " ".join(result.output.split())


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    rows = [
        {"key": prompt.key, "prompt": prompt.prompt, "response": ANSWER}
        for prompt in load("eu", "mini")
    ]
    path = tmp_path / "eu.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_one_file_is_one_short_page(answers: Path) -> None:
    result = audit(answers)
    assert result.exit_code == 0
    assert "## Health of 50 answers" in result.stdout
    assert "| repaired |" in result.stdout
    assert len(result.stdout.splitlines()) < 20


@pytest.mark.parametrize("option", ["--out", "--output"])
@pytest.mark.parametrize("name", ["a.md", "a.csv", "a.json"])
def test_the_suffix_is_the_format(answers: Path, option: str, name: str) -> None:
    out = answers.with_name(name)
    result = audit(answers, option, out)
    assert result.exit_code == 0
    assert result.stdout == ""
    text = out.read_text("utf-8")
    if name.endswith("json"):
        assert json.loads(text)["files"]["eu"]["answers"] == 50
    elif name.endswith("csv"):
        assert {row["answers_of"] for row in csv.DictReader(text.splitlines())} == {
            "eu"
        }
    else:
        assert text.startswith("## Health of 50 answers")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "xml"], "Unknown format 'xml'. Available: csv, json, md."),
        (["--out", "a.tex"], "Unknown format 'latex'"),
        (["--set", "mini", "--data", "x"], "--set and --data both name the prompts"),
        (["--lang", "xx"], "Unknown language 'xx'"),
        (["--set", "small"], "Unknown set of IFEval prompts 'small'"),
        (["--data", "no.jsonl"], "no.jsonl cannot be read: No such file"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    answers: Path, arguments: list[str], said: str
) -> None:
    result = audit(answers, *arguments)
    assert result.exit_code != 0
    assert said in told(result)


def test_nothing_is_written_over_what_was_read(answers: Path) -> None:
    before = answers.read_bytes()
    result = audit(answers, "--format", "md", "--out", answers)
    assert result.exit_code == 1
    assert "give --out another name" in told(result)
    assert answers.read_bytes() == before


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = audit(tmp_path / "no.jsonl")
    assert result.exit_code == 1
    assert "no.jsonl cannot be read: No such file" in told(result)


def test_keep_going_names_what_was_left_out(answers: Path) -> None:
    (answers.parent / "b.jsonl").write_text('{"text": 1}\n')
    result = audit(answers.parent)
    assert result.exit_code == 1
    assert "--keep-going leaves such rows and files out" in told(result)
    result = audit(answers.parent, "--keep-going", "--format", "csv")
    assert result.exit_code == 0
    assert "b.jsonl holds no answers" in result.stderr
    assert "b.jsonl" not in result.stdout


def rates(reference: Path, folder: str) -> dict[str, Any]:
    result = audit(reference / folder, "--format", "json")
    assert result.exit_code == 0, result.output
    files: dict[str, Any] = json.loads(result.stdout)["files"]
    return files


def test_the_authors_verdicts_on_real_answers(reference: Path) -> None:
    """M-IFEval's own verdicts are ours but where its rules are known to differ."""
    files = rates(reference, "m_ifeval_es")
    assert len(files) == 11
    compared, differ = 0, []
    for file in files.values():
        assert file["lang"] == "es"
        assert file["scores"]["repaired"]["inst_level_strict_acc"]["n"] == 137
        compared += sum(c["compared"] for c in file["verdicts"]["strict"].values())
        differ += file["differences"]
        assert not any("nothing here checks" in note for note in file["notes"])
    assert compared == 11 * 137
    # its options are "Sí." and "No.", as its prompts say
    options = [
        d for d in differ if d["instruction_id"].endswith("constrained_response")
    ]
    assert options == []
    assert len(differ) < 0.04 * compared
    loops = {name: file["health"]["loop_rate"]["value"] for name, file in files.items()}
    assert loops["Qwen/Qwen2.5-0.5B-Instruct-GPTQ-Int4"] > 0.25
    assert loops["claude-3-5-sonnet-20240620"] == 0


def test_lm_eval_s_verdicts_in_a_file_of_their_own(reference: Path) -> None:
    files = rates(reference, "m_ifeval")
    english = {n: f for n, f in files.items() if f["lang"] == "en"}
    assert len(files) == 8
    assert len(english) == 4
    for name, file in english.items():
        strict = file["verdicts"]["strict"].values()
        assert sum(c["compared"] for c in strict) >= 800, name
        differ = [d for d in file["differences"] if d["kind"] == "strict"]
        as_original = sum(d["original"] == d["stored"] for d in differ)
        # the others ask for a letter that lm-eval draws by chance
        assert as_original >= 0.95 * len(differ), name
    assert all(f["verdicts"] is None for n, f in files.items() if n not in english)


def test_answers_that_are_not_ifeval_s(reference: Path) -> None:
    files = rates(reference, "truthfulqa_multi")
    assert len(files) == 15
    for name, file in files.items():
        assert re.search(r"\((?:eu|gl|ca|es|en)\)$", name)
        assert f"({file['lang']})" in name
        assert file["answers"] == 817
        assert file["scores"] == {}
        assert file["health"]["stop_rate"]["value"] > 0.95, name
        assert file["health"]["off_language_rate"]["value"] < 0.1, name
