"""A job's cells: each is tried once, whatever becomes of the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import slurm_cells
from cheap_cells import cheap_sweep

from lm_eval_iberian.sweep.slurm_manifest import new_manifest
from lm_eval_iberian.sweep.slurm_task import SlurmTask
from lm_eval_iberian.sweep.sweep_folder import SweepFolder, open_sweep


pytestmark = pytest.mark.slow

NAMES = ("a--s-eu", "fails--s-eu", "dies--s-eu", "z--s-eu")


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    return cheap_sweep(tmp_path / "sweep", list(NAMES))


def started(sweep: SweepFolder) -> list[str]:
    path = sweep.path / "starts"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line.partition(" ")[0] for line in lines]


def test_what_fails_or_dies_does_not_stop_the_rest(
    sweep: SweepFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    made = new_manifest(sweep, [NAMES])
    arguments = (str(sweep.path), made.id, "0", *slurm_cells.program(0))
    SlurmTask()(*arguments)
    assert sweep.counts() == {"done": 2, "running": 0, "failed": 2, "waiting": 0}
    assert started(sweep) == list(NAMES)
    died = sweep.error(sweep.cell("dies--s-eu"))
    assert died is not None
    assert died["error"] == "its process was ended by SIGABRT"
    assert "it went on" in died["log"]
    # the same job once more, as after a node went down: nothing is tried again
    SlurmTask()(*arguments)
    assert started(sweep) == list(NAMES)
    # an array that was submitted after the failure tries it again
    again = new_manifest(sweep, [NAMES[1:2]])
    SlurmTask()(str(sweep.path), again.id, "0", *slurm_cells.program(0))
    assert started(sweep) == [*NAMES, NAMES[1]]


def test_a_program_that_does_not_begin_has_said_why(
    sweep: SweepFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    made = new_manifest(sweep, [NAMES[:2]])
    program = [sys.executable, "-c", "import no_such_module"]
    SlurmTask()(str(sweep.path), made.id, "0", *program)
    for name in NAMES[:2]:
        error = sweep.error(sweep.cell(name))
        assert error is not None
        assert error["error"].endswith("No module named 'no_such_module'")
    assert "no_such_module" in capfd.readouterr().out  # in the job's own log too


def test_nodes_are_not_to_use_a_network(sweep: SweepFolder) -> None:
    made = new_manifest(sweep, [NAMES[:1]])
    text = "import os, sys; sys.exit(0 if os.environ['HF_HUB_OFFLINE'] == '1' else 9)"
    SlurmTask()(str(sweep.path), made.id, "0", sys.executable, "-c", text)
    assert sweep.error(sweep.cells[0]) is None


JOB = (
    "import sys\n"
    "from lm_eval_iberian.sweep.slurm_task import SlurmTask\n"
    "SlurmTask()(*sys.argv[1:])\n"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_is_ended_ends_its_cells(
    number: signal.Signals, sweep: SweepFolder
) -> None:
    """SLURM tells every process of a job; the cell that ran is no failure."""
    made = new_manifest(sweep, [NAMES[:1]])
    arguments = [str(sweep.path), made.id, "0", *slurm_cells.program(60)]
    job = subprocess.Popen([sys.executable, "-c", JOB, *arguments])
    wait(lambda: started(sweep) == ["a--s-eu"])
    everyone = [*psutil.Process(job.pid).children(recursive=True)]
    for process in [*everyone, psutil.Process(job.pid)]:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
    assert job.wait(30) != 0
    wait(lambda: not any(lives(process) for process in everyone))
    assert sweep.error(sweep.cells[0]) is None
    wait(lambda: open_sweep(sweep.path).state(sweep.cells[0]) == "waiting")


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait(met: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)
