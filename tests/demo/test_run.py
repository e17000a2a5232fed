from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lm_eval_iberian.demo import evaluate
from lm_eval_iberian.demo import run as demo
from lm_eval_iberian.demo.commands import CommandError, run_command
from lm_eval_iberian.demo.merge import merge, recipe
from lm_eval_iberian.demo.report import Line, as_markdown, write
from lm_eval_iberian.demo.spec import METHODS, DemoSpec, Training
from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError


pytestmark = pytest.mark.slow

LINES = [
    Line(lang, f"{name}-{lang}", 5.0, 50.0 + i, 5.0, 75.0, 98.4, 10.0 * (i + 1), 8.0)
    for lang in ("eu", "gl")
    for i, name in enumerate(("instruct", "expert", "linear"))
]


def test_a_spec_names_itself_by_all_that_it_says() -> None:
    assert DemoSpec().digest == DemoSpec().digest
    assert DemoSpec().digest != DemoSpec().scaled(0.5).digest
    assert DemoSpec().digest != DemoSpec(key="other").digest


def test_a_spec_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="above 0"):
        DemoSpec().scaled(0)
    with pytest.raises(ValueError, match="needs steps"):
        Training(0, 1e-3)


def test_some_of_the_merges_can_be_asked_for() -> None:
    spec = DemoSpec(languages=("eu",)).by(["linear+rows", "linear"])
    assert [name for name, _, _ in spec.merges] == ["linear+rows-eu", "linear-eu"]
    with pytest.raises(UnknownNameError, match="Did you mean linear"):
        DemoSpec().by(["lineal"])


def test_every_language_is_merged_by_every_method() -> None:
    spec = DemoSpec()
    assert spec.models == ("base", "instruct", "expert-eu", "expert-gl")
    assert len(spec.merges) == len(METHODS) * 2


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_a_recipe_is_one_that_mergekit_takes(method: object, tmp_path: Path) -> None:
    from mergekit.config import MergeConfiguration

    folders = [tmp_path / name for name in ("base", "instruct", "expert")]
    content = recipe(method, *folders)  # type: ignore[arg-type]
    config = MergeConfiguration.model_validate(content)
    assert len(config.referenced_models()) == (3 if content.get("base_model") else 2)


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


@pytest.mark.slow
def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="ended with") as caught:
        merge(
            tmp_path / "recipes" / "r.yml",
            {"merge_method": "linear"},
            tmp_path / "merged",
            tmp_path / "log",
        )
    assert str(tmp_path / "log") in str(caught.value)
    assert not (tmp_path / "merged").exists()
    with pytest.raises(CommandError, match="not installed"):
        run_command("no-such-command", [], tmp_path / "log", 1)


def test_what_lies_beside_the_samples_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lm_eval(name: str, arguments: list[str], log: Path, threads: int) -> None:
        found = Path(arguments[arguments.index("--output_path") + 1])
        found.mkdir()
        (found / "results_2.json").write_text("{}")
        (found / "samples_ifeval_2.jsonl").touch()

    monkeypatch.setattr(evaluate, "run_command", lm_eval)
    samples = tmp_path / "linear-eu-samples"
    samples.mkdir()
    (samples / "samples_ifeval_1.jsonl").touch()
    (samples / "notes.md").touch()
    out = tmp_path / "linear-eu.json"
    evaluate.evaluate(tmp_path, ["ifeval"], 10, out, tmp_path / "log")
    assert sorted(p.name for p in tmp_path.iterdir()) == [samples.name, out.name]
    left = sorted(p.name for p in samples.iterdir())
    assert left == ["notes.md", "samples_ifeval_2.jsonl"]


def test_the_table_and_the_plot_are_written_whole(tmp_path: Path) -> None:
    paths = write(LINES, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    text = (tmp_path / "table.md").read_text()
    assert text.count("\n") == len(LINES) + 2
    assert "English instructions % ↑" in text
    assert json.loads((tmp_path / "table.json").read_text())[0]["lang"] == "eu"
    assert (tmp_path / "tradeoff.png").read_bytes().startswith(b"\x89PNG")


def test_a_line_shows_its_standard_error() -> None:
    assert (
        "| eu | instruct-eu | 5.0 | 50 ± 5 | 75 | 98 | 10.00 | 8.00 |"
        in as_markdown(LINES)
    )


@pytest.mark.slow
def test_the_whole_demo_small_then_again(tmp_path: Path) -> None:
    """The real commands on models that have hardly been trained."""
    command = [sys.executable, "-m", "lm_eval_iberian.cli", "demo"]
    command += ["--out", "out", "--languages", "eu", "--scale", "0.02"]
    made = ("linear", "linear+rows", "fused_dare_linear")
    command += ["--methods", ",".join(made)]
    first = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert first.returncode == 0, first.stderr
    out = tmp_path / "out"
    lines = json.loads((out / "table.json").read_text())
    assert [line["model"] for line in lines] == [
        "instruct",
        "expert-eu",
        *(f"{label}-eu" for label in made),
    ]
    assert all(line["perplexity_lang"] > 1 for line in lines)
    assert not [p for p in out.rglob("*") if "partial" in p.name]
    before = {p: p.stat().st_mtime_ns for p in (out / "models").rglob("*")}

    # a result that went missing is made again, the rest is reused
    (out / "results" / "linear-eu.json").unlink()
    again = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert json.loads((out / "table.json").read_text()) == lines
    assert before == {p: p.stat().st_mtime_ns for p in (out / "models").rglob("*")}


def test_the_first_error_is_the_one_that_is_raised() -> None:
    def fail() -> None:
        raise CommandError("no")

    done: list[int] = []
    works = {"bad": fail, "good": lambda: done.append(1)}
    with pytest.raises(CommandError, match="no"):
        demo._in_parallel("work", works, Console(quiet=True))  # type: ignore[arg-type]
