"""What is killed loses what was running, and no more; what fails is written down."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from cheap_cells import cheap_cell, cheap_evaluation, cheap_sweep, worker_command

from lm_eval_iberian.sweep.cell_process import run_cell
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_driver import Ended, SweepWatch, drive, to_run
from lm_eval_iberian.sweep.sweep_folder import InFlightError, SweepFolder, open_sweep


PROGRAM = str(Path(__file__).with_name("cheap_cells.py"))
NAMES = [f"m{number:02}--s-eu" for number in range(24)]
KILLS = 20


def start(folder: Path, seconds: float, jobs: int = 2) -> subprocess.Popen[bytes]:
    command = [sys.executable, PROGRAM, "drive", str(folder), str(jobs), str(seconds)]
    return subprocess.Popen(command, start_new_session=True)


def results(folder: Path) -> dict[str, dict[str, str]]:
    """Return every file of every result."""
    return {
        place.name: {
            path.name: path.read_text("utf-8") for path in sorted(place.iterdir())
        }
        for place in sorted((folder / "cells").iterdir())
    }


def started(folder: Path) -> list[str]:
    path = folder / "starts"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line.partition(" ")[0] for line in lines]


def alive(folder: Path) -> list[str]:
    """Return the processes whose command names the sweep's folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        said = " ".join(process.info["cmdline"] or [])
        if str(folder) in said and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(said)
    return found


def check_no_orphans(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while (found := alive(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == []


def check_states(sweep: SweepFolder, wanted: dict[str, str]) -> None:
    deadline = time.monotonic() + 10  # a lock goes a moment after its process
    while time.monotonic() < deadline:
        found = {cell.id: sweep.state(cell) for cell in sweep.cells}
        if found == wanted:
            break
        time.sleep(0.02)
    assert found == wanted


@pytest.mark.slow
def test_twenty_kills_lose_only_what_was_running(tmp_path: Path) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    for folder in (undisturbed, disturbed):
        cheap_sweep(folder, NAMES)
    assert start(undisturbed, 0, jobs=4).wait(120) == 0
    draw = random.Random("twenty kills")  # noqa: S311 (keyed, not secret)
    finished: set[str] = set()
    for _ in range(KILLS):
        before = len(started(disturbed))
        driver = start(disturbed, 0.3)
        # most kills meet a running cell, others a driver that has hardly begun
        if draw.random() < 0.8:
            while len(started(disturbed)) == before and driver.poll() is None:
                time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.5))
        assert driver.poll() in (None, 0)
        driver.kill()
        driver.wait()
        check_no_orphans(disturbed)
        sweep = open_sweep(disturbed)
        done = {cell.id for cell in sweep.cells if sweep.is_done(cell)}
        assert finished <= done
        check_states(
            sweep, dict.fromkeys(NAMES, "waiting") | dict.fromkeys(done, "done")
        )
        finished = done
    assert start(disturbed, 0).wait(120) == 0
    assert results(disturbed) == results(undisturbed)
    assert len(results(disturbed)) == len(NAMES)
    # what had a result was not begun again, and a kill cost no more than the two slots
    starts = Counter(started(disturbed))
    assert sum(starts.values()) <= len(NAMES) + 2 * KILLS
    assert max(starts.values()) > 1, "no kill met a running cell"
    assert list((disturbed / "running").iterdir()) == []
    assert not (disturbed / "locks").exists()


@pytest.mark.slow
def test_a_cell_that_dies_or_fails_is_written_down(tmp_path: Path) -> None:
    names = ["a--s-eu", "fails--s-eu", "dies--s-eu", "z--s-eu"]
    sweep = cheap_sweep(tmp_path / "sweep", names)
    said: list[tuple[str, Ended]] = []

    class Watching(SweepWatch):
        def ended(self, cell: SweepCell, slot: str, how: Ended, seconds: float) -> None:
            said.append((cell.id, how))

    def run(*, retry: bool = False) -> None:
        wanted = to_run(sweep, sweep.cells, retry_failed=retry)
        drive(
            sweep, wanted, ["0", "1"],
            worker_command(sweep.path, 0), watch=Watching(),
        )  # fmt: skip

    run()
    assert sorted(said) == [
        ("a--s-eu", "done"), ("dies--s-eu", "failed"), ("fails--s-eu", "failed"),
        ("z--s-eu", "done"),
    ]  # fmt: skip
    assert sweep.counts() == {"done": 2, "running": 0, "failed": 2, "waiting": 0}
    failed, died = (sweep.error(sweep.cell(name)) for name in names[1:3])
    assert failed is not None
    assert died is not None
    assert failed["error"] == "ValueError: s has no such thing"
    assert "it went on\nTraceback" in failed["log"]
    assert died["error"] == "its process was ended by SIGABRT"
    assert "it went on" in died["log"]
    assert list((sweep.path / "running").iterdir()) == []
    run()  # neither is tried again
    assert len(said) == 4
    run(retry=True)
    assert len(said) == 6
    again = sweep.error(sweep.cell("fails--s-eu"))
    assert again is not None
    assert again["attempts"] == 2


def test_a_cell_that_does_not_begin_has_said_why(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu", "b--s-eu"])
    programs = {"a--s-eu": "import no_such_module", "b--s-eu": "raise SystemExit(7)"}
    for cell in sweep.cells:
        drive(sweep, [cell], ["0"], [sys.executable, "-c", programs[cell.id]])
    first, second = (sweep.error(cell) for cell in sweep.cells)
    assert first is not None
    assert second is not None
    assert first["error"] == (
        "its process ended with 1: ModuleNotFoundError: No module named"
        " 'no_such_module'"
    )
    assert first["log"].startswith("Traceback")
    assert second["error"] == "its process ended with 7: it said nothing"


@pytest.mark.slow
def test_an_error_is_gone_with_the_result(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    (cell,) = sweep.cells
    sweep.note_error(cell, "no memory", "", "")
    assert sweep.state(cell) == "failed"
    assert run_cell(sweep, cell, cheap_evaluation(0)) == "done"
    assert sweep.state(cell) == "done"
    assert sweep.error(cell) is None


@pytest.mark.slow
def test_a_second_driver_is_refused_and_a_dead_one_is_not_in_the_way(
    tmp_path: Path,
) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    first = start(sweep.path, 60)
    try:
        while not started(sweep.path):
            time.sleep(0.02)
        assert sweep.state(sweep.cells[0]) == "running"
        with pytest.raises(InFlightError, match="being run by another process"):
            drive(sweep, sweep.cells, ["0"], ["/bin/false"])
        with pytest.raises(InFlightError, match="worked on by another process"):
            run_cell(sweep, sweep.cells[0], cheap_evaluation(0))
    finally:
        first.kill()
        first.wait()
    check_no_orphans(sweep.path)
    check_states(sweep, {"a--s-eu": "waiting"})
    assert start(sweep.path, 0).wait(60) == 0
    assert sweep.state(sweep.cells[0]) == "done"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_driver_that_is_asked_to_end_ends_its_cells(
    number: signal.Signals, tmp_path: Path
) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    driver = start(sweep.path, 60)
    while not started(sweep.path):
        time.sleep(0.02)
    os.kill(driver.pid, number)
    assert driver.wait(30) != 0
    check_no_orphans(sweep.path)
    check_states(sweep, {"a--s-eu": "waiting"})


@pytest.mark.slow
def test_each_gpu_has_one_cell_at_a_time(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", [f"m{n}--s-eu" for n in range(6)])
    program = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from cheap_cells import cheap_evaluation, serve, open_sweep\n"
        "from pathlib import Path\n"
        "gpu = Path(sys.argv[2]) / ('gpu' + os.environ['CUDA_VISIBLE_DEVICES'])\n"
        "gpu.mkdir()\n"  # fails where another is on it
        "sweep = open_sweep(Path(sys.argv[2]))\n"
        "serve(sweep, cheap_evaluation(0.2))\n"
        "gpu.rmdir()\n"
    )
    here = str(Path(PROGRAM).parent)
    drive(
        sweep, sweep.cells, ["2", "5"],
        [sys.executable, "-c", program, here, str(sweep.path)],
        gpus=True,
    )  # fmt: skip
    assert sweep.counts()["done"] == 6


def test_a_result_is_never_made_again(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    place = sweep.place(sweep.cells[0])
    place.mkdir(parents=True)
    (place / "record.json").write_text("{}")
    assert run_cell(sweep, sweep.cells[0], cheap_evaluation(0)) == "there"
    assert started(sweep.path) == []
    # without its record a folder is no result, whatever it holds
    (place / "record.json").unlink()
    (place / "results_x.json").write_text("{}")
    assert sweep.state(sweep.cells[0]) == "waiting"


def test_two_cells_do_not_take_each_others_leftovers(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu", "a--s-eu.b"])
    first, second = sweep.cells
    with sweep.workplace(second) as work:
        sweep.clear(first)
        assert work.is_dir()
    assert cheap_cell("x").subject == cheap_cell("y").subject
