from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main


TASKS = {"belebele_eng_Latn": 0.9, "xstorycloze_en": 0.7, "bertaqa_en_local": 0.5}


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "out" / "org__model"
    out.mkdir(parents=True)
    sizes = dict(zip(TASKS, (900, 1511, 2364), strict=True))
    content = {
        "results": {task: {"acc,none": value} for task, value in TASKS.items()},
        "versions": dict.fromkeys(TASKS, 0.0),
        "n-shot": dict.fromkeys(TASKS, 5),
        "n-samples": {t: {"original": n, "effective": n} for t, n in sizes.items()},
        "config": {"limit": None},
        "date": 1.7e9,
        "model_name": "org/model",
    }
    path = out / "results_2025-01-01T00-00-00.0.json"
    path.write_text(json.dumps(content))
    return tmp_path / "out"


def test_tables_are_printed(folder: Path) -> None:
    result = report(folder)
    assert result.exit_code == 0, result.output
    assert "| model     |    EN |" in result.stdout
    assert "| org/model | 70.00 |" in result.stdout


def test_json_is_nothing_but_json(folder: Path) -> None:
    result = report(folder, "--format", "json")
    found = json.loads(result.stdout)
    assert found["models"]["org/model"]["averages"]["EN"]["value"] == 70.0


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.tex", "% "), ("a.csv", "model,table"), ("a.json", "{"), ("a.md", "## ")],
)
def test_out_s_suffix_is_the_format(folder: Path, name: str, start: str) -> None:
    out = folder / name
    result = report(folder, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert out.read_text().startswith(start)
    assert [p.name for p in folder.iterdir() if p.is_file()] == [name]


def test_notes_of_a_table_go_to_the_error_stream(folder: Path) -> None:
    result = report(folder, "--format", "csv", "--chat-template")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: no result with a chat template among 3; ask for other settings\n"
    )
    assert report(folder, "--format", "csv", "--no-chat-template").stderr == ""


def test_models_are_renamed(folder: Path) -> None:
    assert "| mine  | 70.00 |" in report(folder, "--rename", "org/model=mine").stdout
    result = report(folder, "--rename", "mine")
    assert result.exit_code == 2
    assert "--rename takes OLD=NEW, found 'mine'" in result.output


def test_bad_files_are_listed_and_left_out(folder: Path) -> None:
    (folder / "results_bad.json").write_text('{"results": {')
    out = folder / "table.md"
    result = report(folder, "--out", out)
    assert result.exit_code == 1
    assert "results_bad.json is not JSON, or not all of it is there" in result.output
    assert "Traceback" not in result.output
    assert not out.exists()
    result = report(folder, folder / "nothing", "--out", out, "--keep-going")
    assert result.exit_code == 0
    assert "bad file: " in result.stderr
    assert "results_bad.json is not JSON" in result.stderr
    assert "nothing does not exist" in result.stderr
    assert "| org/model | 70.00 |" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--format", "xml"],
            "Available: csv, eee, html, json, latex, md.",
        ),
        (["--out", "t.xlsx"], "Unknown format 'xlsx'. Available: csv, json, latex"),
        (["--shots", "0"], "no result with 0 shots among 3"),
        (["--shots", "-1"], "Invalid value for '--shots'"),
        (["--out", "missing/folder.md"], "cannot be written: No such file"),
    ],
)
def test_bad_arguments_are_one_sentence(
    folder: Path, arguments: list[str], said: str
) -> None:
    result = report(folder, *arguments)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert result.stdout == ""


def test_samples_alone_are_told_where_the_results_are(folder: Path) -> None:
    path = folder / "samples_belebele_eng_Latn_2025-01-01T00-00-00.0.jsonl"
    path.write_text("{}\n")
    result = report(path)
    assert result.exit_code == 1
    assert "samples_belebele_eng_Latn_2025" in result.stderr
    assert "give the results_*.json beside it" in " ".join(result.stderr.split())
    assert report(path, folder).exit_code == 0


def test_a_model_s_name_is_no_markup(folder: Path) -> None:
    path = next(folder.rglob("*.json"))
    path.write_text(path.read_text().replace("org/model", r"[red]\u001b[2Jx[/red]"))
    result = report(folder)
    assert r"\[red\]\\x1b\[2Jx\[/red\]" in result.stdout
    assert "\x1b" not in result.stdout


def test_records_go_into_a_folder(folder: Path, tmp_path: Path) -> None:
    result = report(folder, "--format", "eee", "--out", tmp_path / "eee")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr == f"3 records, 0 with samples, in {tmp_path / 'eee'}\n"
    assert report(tmp_path / "eee").stdout == report(folder).stdout
    (record,) = (tmp_path / "eee" / "data" / "belebele_en").rglob("*.json")
    source = json.loads(record.read_text())["source_metadata"]
    assert source["source_organization_name"] == "unknown"
    report(folder, "--format", "eee", "--out", tmp_path / "e", "--evaluator", "Me")
    (record,) = (tmp_path / "e" / "data" / "belebele_en").rglob("*.json")
    source = json.loads(record.read_text())["source_metadata"]
    assert source["source_organization_name"] == "Me"


def test_records_need_a_folder_and_models_a_developer(
    folder: Path, tmp_path: Path
) -> None:
    result = report(folder, "--format", "eee")
    assert result.exit_code == 2
    assert "writes many files: give --out, a folder" in result.output
    result = report(
        folder, "--format", "eee", "--out", tmp_path / "e", "--rename", "org/model=mine"
    )
    assert "nothing says who made mine; --rename NAME=ORG/NAME does" in result.stderr
