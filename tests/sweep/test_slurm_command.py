"""``iberian sweep`` on a cluster where there is none, ``cancel``, several cells."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cheap_cells import cheap_cell, cheap_sweep
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main, slurm_options
from lm_eval_iberian.errors import DataError, MissingExtraError
from lm_eval_iberian.sweep import slurm_submission, sweep_cancel
from lm_eval_iberian.sweep.slurm_manifest import manifests, new_manifest
from lm_eval_iberian.sweep.slurm_profile import OPTIONS
from lm_eval_iberian.sweep.sweep_cancel import CancelError, cancel_local
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


PROGRAM = str(Path(__file__).with_name("cheap_cells.py"))
SETTINGS: dict[str, Any] = {"include_path": ""}


def iberian(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    return cheap_sweep(tmp_path / "sweep", ["a--s-eu", "fails--s-eu", "z--s-eu"])


SLURM = ["run", "DIR", "--executor", "slurm"]
USES: list[tuple[str, list[str], str]] = [
    ("an option of jobs", ["run", "DIR", "--qos", "x"], "--qos is for --executor"),
    ("a profile", ["run", "DIR", "--profile", "p"], "--profile is for --executor"),
    ("GPUs of this machine", [*SLURM, "--time", "1", "--gpus", "0"], "--gpus-per-job"),
    ("cells at a time", [*SLURM, "--time", "1", "--jobs", "2"], "--max-jobs"),
    ("no time", SLURM, "give --time"),
    ("no time there is", [*SLURM, "--time", "soon"], "time must be as sbatch takes it"),
    ("no such executor", ["run", "DIR", "--executor", "slrm"], "'slurm'"),
    ("no SLURM", [*SLURM, "--time", "1"], "SLURM is not here: sbatch, srun"),
    ("no cell", ["cell", "DIR"], "Missing argument"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "arguments", "says"), USES)
def test_a_wrong_use_is_a_sentence(
    why: str, arguments: list[str], says: str, sweep: SweepFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(sweep.path))
    found = iberian(*(str(sweep.path) if one == "DIR" else one for one in arguments))
    assert found.exit_code == 2, why
    assert says in " ".join(found.output.split())
    assert not (sweep.path / "slurm").exists()


def test_every_option_of_jobs_is_there() -> None:
    assert slurm_options._HELP.keys() == OPTIONS.keys()


def test_without_submitit(sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_submission, "require_slurm", lambda: None)
    monkeypatch.setattr(slurm_submission, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"pip install 'lm-eval-iberian\[slurm\]'"
    ):
        slurm_submission.require_submission(sweep)


def test_a_folder_that_slurm_takes_for_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_submission, "require_slurm", lambda: None)
    monkeypatch.setattr(slurm_submission, "find_spec", lambda name: name)
    with pytest.raises(DataError, match="rename it"):
        slurm_submission.require_submission(cheap_sweep(tmp_path / "50%j", []))


def test_a_local_run_leaves_alone_what_jobs_have(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_manifest(sweep, [("z--s-eu",)])
    flight = {"z--s-eu": object()}
    monkeypatch.setattr(
        "lm_eval_iberian.sweep.slurm_manifest.cells_in_flight", lambda sweep: flight
    )
    found = iberian("run", sweep.path, "--dry-run")
    assert found.stdout.split() == ["a--s-eu", "fails--s-eu"]


def test_names_are_looked_at_before_the_first_cell(sweep: SweepFolder) -> None:
    unknown = iberian("cell", sweep.path, sweep.cells[0].id, "y--s-eu")
    assert unknown.exit_code == 2
    assert "'y--s-eu'" in unknown.output
    assert not (sweep.path / "starts").exists()


def test_nothing_to_cancel(sweep: SweepFolder) -> None:
    found = iberian("cancel", sweep.path)
    assert (found.exit_code, found.output) == (0, "nothing of this sweep runs\n")


@pytest.mark.slow
def test_cancel_ends_a_run_of_this_machine(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    command = [sys.executable, PROGRAM, "drive", str(sweep.path), "1", "60"]
    with subprocess.Popen(command) as driver:
        while not (sweep.path / "starts").exists():
            time.sleep(0.02)
        found = iberian("cancel", sweep.path)
        assert found.exit_code == 0, found.output
        assert found.output == (
            f"the run by process {driver.pid} of this machine was ended\n"
        )
        assert driver.wait(30) != 0
    assert sweep.error(sweep.cells[0]) is None
    deadline = time.monotonic() + 10
    while sweep.state(sweep.cells[0]) != "waiting" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sweep.state(sweep.cells[0]) == "waiting"


def test_a_run_elsewhere_is_not_cancelled_here(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "driver", lambda: ("login2", None))
    with pytest.raises(CancelError, match="is being run on login2: cancel it there"):
        cancel_local(sweep)


def test_jobs_of_somebody_else_are_left_alone(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval_iberian.sweep.slurm_queue import QueuedTask

    made = new_manifest(sweep, [("a--s-eu",)])
    task = QueuedTask(made.name, "7", 0, "7_0", "4294967294", "RUNNING", "None")
    monkeypatch.setattr(sweep_cancel, "cells_in_flight", lambda *given: {})
    monkeypatch.setattr(sweep_cancel, "queued_tasks", lambda names: [task])
    monkeypatch.setattr(sweep_cancel, "cancel_jobs", lambda arrays: 1 / 0)
    found = iberian("cancel", sweep.path)
    assert found.exit_code == 2
    assert "1 arrays of jobs are another user's" in found.output
    assert not manifests(sweep)[0].cancelled


@pytest.mark.slow
def test_what_is_not_in_the_cache_is_said_before_anything_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    tasks = ("iberian_belebele_eu", "iberian_ifeval_eu_mini", "iberian_belebele_gl")
    cell = cheap_cell("a--s-eu", recipe={"models": []}, tasks=tasks)
    with pytest.raises(DataError) as caught:
        slurm_options.check_offline([cell], SETTINGS)
    said = str(caught.value)
    assert "iberian_belebele_eu would not run without one" in said
    assert "run `iberian fetch iberian_belebele_eu`" in said
    assert said.endswith(
        "nor would 1 other: `iberian fetch iberian_belebele_eu iberian_belebele_gl`"
    )
    mini = cheap_cell("a--s-eu", recipe={"models": []}, tasks=tasks[1:2])
    slurm_options.check_offline([mini], SETTINGS)
    absent = cheap_cell("a--s-eu", recipe=None, pretrained="org/model@v1")
    with pytest.raises(DataError, match="`hf download org/model --revision v1`"):
        slurm_options.check_offline([mini, absent], SETTINGS)
    gone = cheap_cell("a--s-eu", recipe=None, pretrained=str(tmp_path / "gone"))
    with pytest.raises(DataError, match="gone"):
        slurm_options.check_offline([gone], SETTINGS)
