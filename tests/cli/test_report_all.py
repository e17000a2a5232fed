"""``iberian report --all``: everything in one folder, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_results import Results
from made_sweeps import MadeSweep, two_methods

from lm_eval_iberian.cli import main
from lm_eval_iberian.cli.whole_folder import MANIFEST


CHAT = {"chat_template": "<s>", "chat_template_sha": "abc"}


def everything(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments), "--all"])


def accuracy(share: float) -> dict[str, dict[str, float]]:
    row = {"acc,none": share, "acc_stderr,none": 0.015}
    return {"belebele_eus_Latn": row, "eus_trivia": row}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


pytestmark = pytest.mark.slow  # pictures are drawn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = Results(tmp_path / "results")
    for model, share in (("org/a", 0.5), ("org/b", 0.75), ("org/c", 0.52)):
        results.write(accuracy(share), model=model)
    return results.root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_folder_of_results_becomes_tables_pictures_page_and_data(
    folder: Path, out: Path
) -> None:
    result = everything(folder, "-o", out)
    assert result.exit_code == 0, result.output
    assert f"open {out / 'index.html'}" in result.stdout
    assert (
        "the others are held against org/a; --baseline NAME takes another\n"
    ) in result.stderr
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "index.html", "tables.md", "tables.tex", "tables.csv", "tables.json",
        "report.json", "comparisons.json", "comparisons.csv", "every_eval_ever",
        MANIFEST,
    }  # fmt: skip
    assert "figure1.csv" not in names
    assert "Table 3: benchmarks, Basque" in (out / "tables.md").read_text()
    rows = json.loads((out / "comparisons.json").read_text())["comparisons"]
    assert {(row["a"], row["b"]) for row in rows} == {
        ("org/a", "org/b"), ("org/a", "org/c"),
    }  # fmt: skip
    models = json.loads((out / "report.json").read_text())["models"]
    assert list(models) == ["org/a", "org/b", "org/c"]
    assert "org/b" in (out / "index.html").read_text()
    assert list((out / "every_eval_ever").rglob("*.json"))
    drawn = {path.suffix for path in (out / "pictures").iterdir()}
    assert drawn == {".svg", ".png"}


def test_a_sweep_is_held_against_its_instructed_model(
    tmp_path: Path, out: Path
) -> None:
    two_methods(tmp_path / "sweep")
    result = everything(tmp_path / "sweep", "-o", out)
    assert result.exit_code == 0, result.output
    assert "the others are held against instruct" in result.stderr
    with (out / "figure1.csv").open() as file:
        assert {row["lang"] for row in csv.DictReader(file)} == {"gl"}
    assert "Table 5" in (out / "tables.md").read_text()
    assert json.loads((out / "report.json").read_text())["sweeps"]


def test_a_sweep_without_an_instructed_model_is_held_against_its_base(
    tmp_path: Path, out: Path
) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    sweep.merges("linear", {"0.5": (0.5, 0.5), "1": (0.5, 0.25)})
    sweep.model("base", {"choice": dict.fromkeys(("xstorycloze_gl",), 0.5)})
    result = everything(tmp_path / "sweep", "-o", out)
    assert result.exit_code == 0, result.output
    assert "the others are held against base" in result.stderr


def test_the_baseline_can_be_named(folder: Path, out: Path) -> None:
    result = everything(folder, "-o", out, "--baseline", "org/c")
    assert result.exit_code == 0, result.output
    assert "held against" not in result.stderr
    rows = json.loads((out / "comparisons.json").read_text())["comparisons"]
    assert {row["a"] for row in rows} == {"org/c"}


def test_several_paths_are_one_report(folder: Path, tmp_path: Path, out: Path) -> None:
    two_methods(tmp_path / "sweep")
    result = everything(folder, tmp_path / "sweep", "-o", out, "--baseline", "base")
    assert result.exit_code == 0, result.output
    models = json.loads((out / "report.json").read_text())["models"]
    assert {"org/a", "base"} <= set(models)
    about = json.loads((out / "comparisons.json").read_text())
    told = [note["text"] for note in about["notes"]]
    assert "no result of belebele_eu, eus_trivia, which org/a has" in told


def test_one_model_has_everything_but_comparisons(folder: Path, out: Path) -> None:
    result = everything(folder / "org__a", "-o", out)
    assert result.exit_code == 0, result.output
    assert json.loads((out / "comparisons.json").read_text())["comparisons"] == []
    assert "50.00 [" in (out / "tables.md").read_text()
    assert (out / "index.html").is_file()


def test_what_was_run_otherwise_is_not_compared_unless_it_is_allowed(
    folder: Path, out: Path
) -> None:
    Results(folder).write(accuracy(0.9), model="org/chat", **CHAT)
    result = everything(folder, "-o", out)
    assert result.exit_code == 0, result.output
    assert "chat template yes, not none (org/chat: belebele_eu, eus_trivia)" in (
        result.stderr
    )
    rows = json.loads((out / "comparisons.json").read_text())["comparisons"]
    assert "org/chat" not in {row["b"] for row in rows}
    assert everything(folder, "-o", out, "--allow-mixed").exit_code == 0
    rows = json.loads((out / "comparisons.json").read_text())["comparisons"]
    assert "chat template yes, not none" in {row["mixed"] for row in rows}


def test_a_rerun_replaces_what_it_wrote_and_writes_the_same(
    folder: Path, out: Path
) -> None:
    everything(folder, "-o", out)
    before = snapshot(out)
    assert everything(folder, "-o", out).exit_code == 0
    after = snapshot(out)
    assert list(after) == list(before)
    # a record to exchange says when it was made
    dated = {name for name in after if name.startswith("every_eval_ever")} | {MANIFEST}
    assert [n for n in after if after[n] != before[n] and n not in dated] == []
    (folder / "org__c" / "results_2025-01-01T03-00-00.000000.json").unlink()
    assert everything(folder, "-o", out).exit_code == 0
    assert "org/c" not in (out / "tables.md").read_text()


def own_file(out: Path) -> None:
    (out / "thesis.tex").write_text("mine")


def edited(out: Path) -> None:
    (out / "tables.tex").write_text("mine")


@pytest.mark.parametrize(
    ("meddle", "named"), [(own_file, "thesis.tex"), (edited, "tables.tex")]
)
def test_what_is_not_ours_is_refused_by_name(
    folder: Path, out: Path, meddle: Callable[[Path], None], named: str
) -> None:
    everything(folder, "-o", out)
    meddle(out)
    before = snapshot(out)
    result = everything(folder, "-o", out)
    assert result.exit_code == 1
    assert f": {named};" in " ".join(result.stderr.split())
    assert snapshot(out) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--all leaves a folder: name it, --all -o FOLDER"),
        (["-o", "file"], "file is a file; give --out a folder"),
        (["-o", "results"], "is where results are read from"),
        (["-o", "."], "is where results are read from"),
        (["-o", "results/out"], "in which results are looked for"),
        (["-o", "out", "--format", "md"], "--all writes every format"),
        (["-o", "out", "--plot", "a.png"], "leave --plot out"),
        (
            ["-o", "out", "--baseline", "org/d"],
            "Unknown model 'org/d'. Did you mean org/",
        ),
        (["-o", "file/out"], "file/out cannot be written: Not a directory"),
        (["-o", "out", "--shots", "3"], "no result with 3 shots"),
    ],
)
def test_bad_arguments_are_one_sentence_and_nothing_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("file").write_text("mine")
    before = sorted(folder.parent.rglob("*"))
    result = everything("results", *arguments)
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert sorted(folder.parent.rglob("*")) == before


def test_no_results_leave_nothing(tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = everything(tmp_path / "empty", "-o", out)
    assert result.exit_code == 1
    assert "holds no results_*.json" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("option", [["--baseline", "org/a"], ["--allow-mixed"]])
def test_its_options_are_for_it_alone(folder: Path, option: list[str]) -> None:
    result = CliRunner().invoke(main, ["report", str(folder), *option])
    assert result.exit_code == 2
    assert "--baseline and --allow-mixed are for --all" in result.stderr


def test_without_matplotlib_there_are_no_pictures_and_a_sentence(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "matplotlib"
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = everything(folder, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("without pictures: ") == 1
    assert "matplotlib" in result.stderr
    assert not (out / "pictures").exists()
    assert (out / "index.html").is_file()


KILLED = """
import sys, time
from lm_eval_iberian.cli import main, report_all

def wait(*arguments):
    print("half", flush=True)
    time.sleep(60)

report_all._write_data = wait
sys.argv = ["iberian", "report", sys.argv[1], "--all", "-o", sys.argv[2]]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("before", [True, False])
def test_a_kill_midway_leaves_the_folder_as_it_was(
    folder: Path, out: Path, root: Path, before: bool, number: signal.Signals
) -> None:
    if before:
        everything(folder, "-o", out)
    there = snapshot(out)
    environment = os.environ | {"PYTHONPATH": str(root)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(out)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(number)
    assert process.wait(timeout=60) == -number
    process.stdout.close()
    assert snapshot(out) == there
    assert out.exists() == before
    left = [path.name for path in out.parent.iterdir() if path.name.startswith(".")]
    assert left == ([".out.partial"] if number == signal.SIGKILL else [])
    # and the next run goes on as if nothing had been
    assert everything(folder, "-o", out).exit_code == 0
    assert not (out.parent / ".out.partial").exists()


def test_real_results_take_seconds(reference: Path, out: Path) -> None:
    start = time.process_time()
    result = everything(reference / "hitz_results", "-o", out, "--allow-mixed")
    assert result.exit_code == 0, result.output
    assert time.process_time() - start < 10
    assert "62.39" in (out / "tables.tex").read_text()


def test_options_are_listed_under_headings() -> None:
    text = CliRunner().invoke(main, ["report", "--help"]).stdout
    places = [
        text.index(f"\n{part}")
        for part in (
            "Options:\n", "  --format ", "Which results:\n", "  --shots ",
            "Everything at once:\n", "  --all ", "  --baseline ", "Sweeps:\n",
            "  --best-by ", "  --plot ",
        )
    ]  # fmt: skip
    assert places == sorted(places)
