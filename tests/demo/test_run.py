from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from lm_eval_iberian.demo import run as demo
from lm_eval_iberian.demo.commands import CommandError, run_iberian
from lm_eval_iberian.demo.merges import sweep_yaml
from lm_eval_iberian.demo.spec import DemoSpec, Training, methods
from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError


pytestmark = pytest.mark.slow


def test_a_spec_names_itself_by_all_that_it_says() -> None:
    assert DemoSpec().digest == DemoSpec().digest
    assert DemoSpec().digest != DemoSpec().scaled(0.5).digest
    assert DemoSpec().digest != DemoSpec(key="other").digest
    assert DemoSpec().digest != DemoSpec(methods=methods("0.5")).digest


def test_a_spec_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="above 0"):
        DemoSpec().scaled(0)
    with pytest.raises(ValueError, match="needs steps"):
        Training(0, 1e-3)


def test_some_of_the_merges_can_be_asked_for() -> None:
    spec = DemoSpec(languages=("eu",)).by(["linear+rows", "linear"])
    assert [method.label for method in spec.methods] == ["linear+rows", "linear"]
    with pytest.raises(UnknownNameError, match="Did you mean linear"):
        DemoSpec().by(["lineal"])


def test_the_specification_is_a_sweep_over_the_weights_of_the_paper() -> None:
    spec = DemoSpec()
    assert spec.models == ("base", "instruct", "expert-eu", "expert-gl")
    text = sweep_yaml(spec)
    assert text.startswith("# The sweep of the demo, to copy")
    content = yaml.safe_load(text)
    swept = [one for one in content["methods"] if ".." in str(one["weight"])]
    assert swept == [
        {"method": "linear", "weight": "0.25..2.0 step 0.25"},
        {
            "method": "linear", "weight": "0.25..2.0 step 0.25",
            "special_tokens": "instruct",
        },
        {"method": "task_arithmetic", "weight": "0.25..2.0 step 0.25"},
    ]  # fmt: skip
    assert content["models"]["experts"] == {
        "eu": "models/expert-eu", "gl": "models/expert-gl",
    }  # fmt: skip
    (tasks,) = content["suites"]["demo"]["tasks"].values()
    assert "iberian_perplexity_gl_mini" in tasks


def test_a_folder_of_another_demo_is_not_touched(tmp_path: Path) -> None:
    demo._claim(DemoSpec(), tmp_path / "out")
    demo._claim(DemoSpec(), tmp_path / "out")
    with pytest.raises(DataError, match="other settings"):
        demo._claim(DemoSpec(key="other"), tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(DataError, match="holds no demo"):
        demo._claim(DemoSpec(), tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_an_unknown_language_ends_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean eu"):
        demo.run(DemoSpec(languages=("eus",)), tmp_path / "out")
    with pytest.raises(UnknownNameError, match="Available: eu, gl"):
        demo.run(DemoSpec(languages=("en",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_plot_library_is_named_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"lm-eval-iberian\[demo\]"):
        demo.run(DemoSpec(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_command_is_shown_and_says_itself_why_it_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    console = Console(width=200)
    with pytest.raises(CommandError, match=r"^iberian sweep run ended with 2$"):
        run_iberian(["sweep", "run", str(tmp_path / "no sweep")], console)
    said = capfd.readouterr()
    assert f"$ iberian sweep run '{tmp_path / 'no sweep'}'" in said.out
    assert "holds no sweep.json" in said.err


@pytest.mark.slow
def test_the_whole_demo_small_then_again(tmp_path: Path) -> None:
    """The real commands on models that have hardly been trained."""
    command = [sys.executable, "-m", "lm_eval_iberian.cli", "demo"]
    command += ["--out", "out", "--languages", "eu", "--scale", "0.02"]
    command += ["--methods", "linear,linear+rows", "--weights", "1"]
    first = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert first.returncode == 0, first.stderr
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "figure.csv", "models", "spec.json", "sweep", "sweep.yaml", "table.md",
        "tradeoff.png",
    ]  # fmt: skip
    shown = [line for line in first.stdout.splitlines() if line.startswith("$ ")]
    assert [line.split()[1:3] for line in shown] == [
        ["iberian", "sweep"], ["iberian", "sweep"],
        ["iberian", "report"], ["iberian", "report"],
    ]  # fmt: skip
    table = (out / "table.md").read_text("utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| eu: ")]
    assert [row.split("|")[1].strip() for row in rows] == [
        "eu: instruct", "eu: expert-eu", "eu: linear weight=1",
        "eu: linear weight=1 special_tokens=instruct",
    ]  # fmt: skip
    header = next(line for line in table.splitlines() if "language: model" in line)
    for column in ("IFEval eu", "English", "stops eu", "stops en", "perplexity of en"):
        assert column in header
    assert not any("–" in row for row in rows)
    assert (out / "tradeoff.png").read_bytes().startswith(b"\x89PNG")
    before = {p: p.stat().st_mtime_ns for p in (out / "models").rglob("*")}

    # a result that went missing is made again, the rest is reused
    shutil.rmtree(out / "sweep" / "cells" / "linear-eu-weight1--demo-all")
    again = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(" done: ") == 1
    assert (out / "table.md").read_text("utf-8") == table
    assert before == {p: p.stat().st_mtime_ns for p in (out / "models").rglob("*")}


def test_the_first_error_is_the_one_that_is_raised() -> None:
    def fail() -> None:
        raise CommandError("no")

    done: list[int] = []
    with pytest.raises(CommandError, match="no"):
        demo._all_done([fail, lambda: done.append(1)], threading.Event())
