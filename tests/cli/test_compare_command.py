from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_samples import Evaluations, answers, instructions

from lm_eval_iberian.cli import main


ROWS = {
    "xstorycloze_eu": answers([1, 0, 1, 1, 0, 1, 0, 0] * 5, 2),
    "eus_trivia": answers([1, 1, 1, 0] * 10),
}
BETTER = {
    "xstorycloze_eu": answers([1, 1, 1, 1, 0, 1, 0, 0] * 5, 2),
    "eus_trivia": answers([1, 1, 1, 0] * 10),
}


@pytest.fixture
def evaluations(tmp_path: Path) -> Evaluations:
    return Evaluations(tmp_path / "out")


@pytest.fixture
def folder(evaluations: Evaluations) -> Path:
    evaluations.evaluated(ROWS, "org/a")
    evaluations.evaluated(BETTER, "org/b")
    return evaluations.root


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def test_tables_are_printed(folder: Path) -> None:
    result = compare(folder / "org__a", folder / "org__b")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("## org/b (B) against org/a (A)\n")
    line = next(x for x in result.stdout.splitlines() if x.startswith("| XStoryCloze"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:3] == ["XStoryCloze eu", "50.00", "62.50"]
    assert cells[6] == "5 (≤ 0)"
    assert cells[8] == "40"


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.tex", "% "), ("a.csv", "a,b,benchmark"), ("a.json", "{"), ("a.md", "## ")],
)
def test_out_s_suffix_is_the_format(folder: Path, name: str, start: str) -> None:
    out = folder / name
    result = compare(folder / "org__a", folder / "org__b", "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert out.read_text("utf-8").startswith(start)
    assert [p.name for p in folder.iterdir() if p.is_file()] == [name]


def test_json_is_nothing_but_json(folder: Path) -> None:
    result = compare(folder, "--baseline", "org/a", "--format", "json")
    found = json.loads(result.stdout)
    rows = {row["benchmark"]: row for row in found["comparisons"]}
    assert rows["xstorycloze_eu"]["gained"] == 5
    assert rows["xstorycloze_eu"]["ci95"][0] < 12.5 < rows["xstorycloze_eu"]["ci95"][1]
    # nothing changed there: no interval of no width, and a word
    assert rows["eus_trivia"]["ci95"][0] < 0 < rows["eus_trivia"]["ci95"][1]
    assert "alike" in rows["eus_trivia"]["why"]


def test_one_model_of_a_folder_and_only_some_benchmarks(folder: Path) -> None:
    result = compare(
        f"{folder}::org/b",
        f"{folder}::org/a",
        "--only",
        "eus_trivia",
        "--format",
        "json",
    )
    rows = json.loads(result.stdout)["comparisons"]
    assert [(r["a"], r["b"], r["benchmark"]) for r in rows] == [
        ("org/b", "org/a", "eus_trivia")
    ]
    result = compare(folder, "--baseline", "org/a", "--only", "eus_trivias")
    assert result.exit_code == 1
    assert "Did you mean eus_trivia" in result.stderr


def test_models_are_renamed(folder: Path) -> None:
    result = compare(folder, "--rename", "org/a=mine", "--baseline", "mine")
    assert "org/b (B) against mine (A)" in result.stdout
    assert compare(folder, "--rename", "mine").exit_code == 2


def test_mixed_results_are_refused_or_marked(evaluations: Evaluations) -> None:
    verdicts = instructions([[True], [False, True]] * 10)
    for model, more in (("org/a", {}), ("org/b", {"chat_template_sha": "abc"})):
        tasks = ROWS | {"iberian_ifeval_eu": verdicts}
        evaluations.evaluated(tasks, model, **more)
    folder = evaluations.root
    out = folder / "a.md"
    result = compare(folder, "--baseline", "org/a", "--out", out)
    assert result.exit_code == 1
    assert "chat template yes, not none (org/b: IFEval EU" not in result.stderr
    assert "chat template yes, not none (org/b: ifeval_eu" in result.stderr
    assert "xstorycloze_eu, eus_trivia)" in result.stderr
    assert not out.exists()
    result = compare(folder, "--baseline", "org/a", "--allow-mixed", "--out", out)
    assert result.exit_code == 0, result.output
    text = out.read_text("utf-8")
    assert "| XStoryCloze eu‡" in text
    assert "- **mixed** org/b: IFEval EU" in text
    assert "mixed: org/b: IFEval EU" in result.stderr
    # whoever chooses one setting has one model left
    result = compare(folder, "--baseline", "org/a", "--no-chat-template")
    assert result.exit_code == 1
    assert "holds results of one model, org/a" in result.stderr


@dataclass(frozen=True)
class Refused:
    """What is asked for, with {} for the folder, and what is said of it."""

    asked: tuple[str, ...]
    said: str
    code: int = 1


REFUSED = [
    Refused((), "Missing argument 'A B [C]...'", 2),
    Refused(("{}", "--format", "xls"), "Unknown format 'xls'"),
    Refused(("{}",), "say which of them the others are held against with --baseline"),
    Refused(("{}", "--baseline", "org/c"), "Unknown model 'org/c'. Did you mean org/"),
    Refused(("{}/org__a",), "name a second folder, to compare it with"),
    Refused(("{}/nowhere", "{}"), "{}/nowhere does not exist"),
    Refused(("{}/empty", "{}"), "{}/empty holds no results_*.json"),
    Refused(("{}/bad", "{}"), "is not JSON, or not all of it is there"),
    Refused(("{}/samples.jsonl", "{}/org__a"), "is not a results file|not JSON"),
    Refused(("{}", "--baseline", "org/a", "--out", "{}/no/a.md"), "cannot be written"),
    Refused(("{}", "--baseline", "org/a", "--benchmarks", "some"), "'some' is not", 2),
    Refused(("{}", "--baseline", "org/a", "--shots", "3"), "no result with 3 shots"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.said)
def test_what_cannot_be_done_is_said_in_a_sentence(folder: Path, case: Refused) -> None:
    (folder / "empty").mkdir()
    text = next((folder / "org__a").glob("results_*")).read_text()
    if "{}/bad" in case.asked:
        (folder / "bad").mkdir()
        (folder / "bad" / "results_2025-01-01T00-00-00.0.json").write_text(text[:-30])
    (folder / "samples.jsonl").write_text('{"doc": 1}\n')
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = compare(*(text.format(folder) for text in case.asked))
    assert result.exit_code == case.code, result.output
    said = " ".join(result.stderr.split())
    assert any(text.format(folder) in said for text in case.said.split("|")), said
    assert "Traceback" not in said
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_results_are_not_written_over(folder: Path) -> None:
    file = next((folder / "org__a").glob("results_*"))
    result = compare(folder, "--baseline", "org/a", "--format", "json", "--out", file)
    assert result.exit_code == 1
    assert "is one of the results" in result.stderr
    samples = next((folder / "org__a").glob("samples_*"))
    result = compare(
        folder, "--baseline", "org/a", "--format", "json", "--out", samples
    )
    assert result.exit_code == 1
    assert "is one of the results" in result.stderr


def test_who_goes_on_is_told_what_was_left_out(folder: Path) -> None:
    samples = next((folder / "org__b").glob("samples_xstorycloze*"))
    samples.write_text(samples.read_text()[:-100])
    result = compare(folder, "--baseline", "org/a")
    assert result.exit_code == 1
    assert f"{samples}, line 40: not JSON" in result.stderr
    result = compare(folder, "--baseline", "org/a", "--keep-going")
    assert result.exit_code == 0, result.output
    assert "XStoryCloze eu†" in result.stdout
    assert f"{samples}, line 40: not JSON" in result.stdout.replace("\\", "")


@pytest.mark.slow
def test_ten_thousand_results_take_no_minute(tmp_path: Path) -> None:
    """A hundred models by a hundred files, a tenth of which hold samples."""
    evaluations = Evaluations(tmp_path / "out")
    rows = {"xstorycloze_eu": answers([1, 0, 1, 1] * 50, 2)}
    first = evaluations.evaluated(rows, "org/m0")
    samples = next(first.parent.glob("samples_*")).read_bytes()
    content = json.loads(first.read_text())
    for model in range(100):
        folder = tmp_path / "out" / f"org__m{model}"
        folder.mkdir(exist_ok=True)
        for number in range(100):
            stamp = f"2025-02-01T{number // 60:02}-{number % 60:02}-00.000000"
            content |= {"model_name": f"org/m{model}", "date": 1.7e9 + number}
            path = folder / f"results_{stamp}.json"
            path.write_text(json.dumps(content))
            if number % 10 == 9:
                name = f"samples_xstorycloze_eu_{stamp}.jsonl"
                (folder / name).write_bytes(samples)
    begin = time.perf_counter()
    out = tmp_path / "a.json"
    result = compare(tmp_path / "out", "--baseline", "org/m0", "--out", out)
    assert result.exit_code == 0, result.output
    assert time.perf_counter() - begin < 60
    rows_found = json.loads(out.read_text())["comparisons"]
    assert len(rows_found) == 99
    assert {row["paired"] for row in rows_found} == {True}
    assert os.path.getsize(out) < 1_000_000
