"""The commands of a cell, and what is told of one that fails."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from cheap_cells import cheap_cell, cheap_sweep

from lm_eval_iberian import _bootstrap
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.sweep import cell_commands, cell_evaluation
from lm_eval_iberian.sweep.cell_commands import (
    evaluation_command,
    merge_command,
    model_arguments,
)
from lm_eval_iberian.sweep.cell_evaluation import CellStopped, last_line
from lm_eval_iberian.sweep.cell_process import run_cell, tail
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


SETTINGS = {
    "engine": "hf",
    "model_type": "merged",
    "model_args": {},
    "include_path": "",
    "models": {},
}
OPTIONS = {
    "seed": "0,1234,1234,1234", "limit": 2, "num_fewshot": 0, "device": "cpu",
    "apply_chat_template": True, "gen_kwargs": {"until": ["a,b=c"]},
}  # fmt: skip


# lm-eval is a program of its own then, here of a model that nobody merges
PROGRAM = {**SETTINGS, "engine": "disk", "model_type": "hf"}


def program_sweep(folder: Path) -> SweepFolder:
    found = cheap_sweep(
        folder, ["a--s-eu"], recipe=None, pretrained="org/m",
        tasks=("iberian_perplexity_eu_mini",),
    )  # fmt: skip
    found.content["settings"].update(PROGRAM)
    return found


def after(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def command(**settings: Any) -> list[str]:
    cell = cheap_cell("x", tasks=("a", "b"), options=OPTIONS)
    arguments = {"recipe": "/a,b/r.yml"}
    return evaluation_command(cell, arguments, Path("out"), {**SETTINGS, **settings})


def test_what_lm_eval_is_called_with() -> None:
    found = command()
    assert after(found, "--model") == "merged"
    # lm-eval cuts what is no JSON at commas
    assert json.loads(after(found, "--model_args")) == {"recipe": "/a,b/r.yml"}
    assert json.loads(after(found, "--gen_kwargs")) == {"until": ["a,b=c"]}
    assert after(found, "--tasks") == "a,b"
    assert after(found, "--num_fewshot") == "0"
    assert after(found, "--limit") == "2"
    assert after(found, "--seed") == "0,1234,1234,1234"
    assert "--apply_chat_template" in found
    assert "--log_samples" in found
    # its answers are cached by arguments, not by weights: two merges would share them
    assert "--use_cache" not in found
    assert "--include_path" not in found


def test_without_the_start_up_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bootstrap, "active", lambda: False)
    found = command()
    assert "merged_hf" in after(found, "-c")
    assert after(found, "--include_path") == str(task_configs())


LOADED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("a merge in memory", "hf", {}, {"recipe": "x.yml", "model": "x"}),
    ("one that mergekit draws for", "hf", {"merge_seed": 3},
     {"recipe": "x.yml", "model": "x", "merge_seed": 3}),
    ("a merge on the disk", "disk", {}, {"pretrained": "x"}),
    ("a model of the hub", "hf", {"recipe": None, "pretrained": "org/m"},
     {"pretrained": "org/m"}),
    ("a revision of it", "hf", {"recipe": None, "pretrained": "org/m@v2"},
     {"pretrained": "org/m", "revision": "v2"}),
    ("a folder, by a link to it", "disk", {"recipe": None, "pretrained": "/"},
     {"pretrained": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("why", "engine", "changes", "wanted"), LOADED)
def test_what_lm_eval_is_to_load(
    why: str, engine: str, changes: dict[str, Any], wanted: dict[str, Any]
) -> None:
    settings = {**SETTINGS, "engine": engine, "model_args": {"dtype": "float32"}}
    found = model_arguments(cheap_cell("x--s-eu", **changes), settings)
    assert found == {**wanted, "dtype": "float32"}


def test_what_a_merge_is_called_with() -> None:
    cell = cheap_cell("x--s-eu", merge_seed=3)
    found = merge_command(cell, Path("/w/recipe.yml"), Path("/w/scratch/x"), SETTINGS)
    assert found[-5:] == [
        "merge", "--random-seed", "3", "/w/recipe.yml", "/w/scratch/x"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("a\nValueError: b\n\n", "ValueError: b"),
        ("10%\r20%\rstopped\r", "stopped"),
        ("", ""),
    ],
)
def test_the_last_line(log: str, line: str) -> None:
    assert last_line(log) == line


def test_of_a_bar_the_last_state_is_kept() -> None:
    log = "".join(f"\r{n}%" for n in range(100)) + "\r\nthen\r\nan error\n"
    assert tail(log) == "99%\nthen\nan error"
    assert tail("line\n" * 100) == "\n".join(["line"] * 39)


PROGRAMS: list[tuple[str, str, str]] = [
    ("it says why", "print('so'); print('ValueError: no'); exit(1)", "ValueError: no"),
    ("it says nothing", "exit(1)", "lm_eval ended with 1"),
    ("out of memory", "import os; os.kill(os.getpid(), 9)", "lm_eval was killed"),
    ("a fault", "import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
]


@pytest.mark.parametrize(("why", "program", "says"), PROGRAMS)
def test_why_a_cell_failed(
    why: str,
    program: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = program_sweep(tmp_path / "sweep")
    for module in (cell_commands, cell_evaluation):
        monkeypatch.setattr(
            module, "evaluation_command", lambda *given: [sys.executable, "-c", program]
        )
    assert run_cell(sweep, sweep.cells[0]) == "failed"
    error = sweep.error(sweep.cells[0])
    assert error is not None
    assert says in error["error"]
    assert error["command"].startswith(f"{sys.executable} -c ")
    assert error["log"].startswith("$ ")


def test_what_is_asked_to_end_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = program_sweep(tmp_path / "sweep")
    program = f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})"
    for module in (cell_commands, cell_evaluation):
        monkeypatch.setattr(
            module, "evaluation_command", lambda *given: [sys.executable, "-c", program]
        )
    with pytest.raises(CellStopped):
        run_cell(sweep, sweep.cells[0])
    assert sweep.state(sweep.cells[0]) == "waiting"
    assert list((sweep.path / "running").iterdir()) == []
