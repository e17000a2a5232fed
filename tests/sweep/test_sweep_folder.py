"""One result for a cell that runs twice, and only what is dead is removed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cheap_cells import cheap_sweep

from lm_eval_iberian.sweep import sweep_folder
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


NO_LOCKS = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from mergekit_ext.outputs import folder_lock\n"
    "folder_lock.fcntl = None\n"
    "from pathlib import Path\n"
    "from cheap_cells import cheap_evaluation, open_sweep\n"
    "from lm_eval_iberian.sweep.cell_process import run_cell\n"
    "sweep = open_sweep(Path(sys.argv[2]))\n"
    "print(run_cell(sweep, sweep.cells[0], cheap_evaluation(float(sys.argv[3]))))\n"
)


@pytest.mark.slow
def test_without_locks_a_cell_that_runs_twice_has_one_result(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    here = str(Path(__file__).parent)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", NO_LOCKS, here, str(sweep.path), seconds],
            stdout=subprocess.PIPE, text=True,
        )
        for seconds in ("2.0", "2.5")
    ]  # fmt: skip
    said = [process.communicate(timeout=120)[0].strip() for process in running]
    assert said == ["done", "done"]
    starts = (sweep.path / "starts").read_text("utf-8").splitlines()
    assert len(starts) == 2, "they did not run at the same time"
    (place,) = (sweep.path / "cells").iterdir()
    assert {path.name for path in place.iterdir()} == {
        "log.txt", "record.json", "results_x.json",
    }  # fmt: skip
    assert sweep.state(sweep.cells[0]) == "done"
    assert list((sweep.path / "running").iterdir()) == []


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    return cheap_sweep(tmp_path / "sweep", ["a--s-eu"])


def test_what_another_machine_works_on_is_left_alone(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell,) = sweep.cells
    monkeypatch.setattr(sweep_folder, "_host", lambda: "node7")
    with sweep.workplace(cell) as theirs:
        monkeypatch.setattr(sweep_folder, "_host", lambda: "node8")
        sweep.clear(cell)
        with sweep.workplace(cell) as ours:
            assert theirs.is_dir()
            assert ours != theirs
        sweep.clear(cell, everywhere=True)
        assert not theirs.exists()


def test_what_a_process_here_has_left_is_removed(sweep: SweepFolder) -> None:
    (cell,) = sweep.cells
    program = (
        "import os, sys; from pathlib import Path\n"
        "from lm_eval_iberian.sweep.sweep_folder import open_sweep\n"
        "sweep = open_sweep(Path(sys.argv[1]))\n"
        "with sweep.workplace(sweep.cells[0]) as work:\n"
        "    (work / 'log.txt').write_text('it went on')\n"
        "    os.abort()\n"
    )
    command = [sys.executable, "-c", program, str(sweep.path)]
    assert subprocess.run(command, check=False).returncode < 0
    assert len(list((sweep.path / "running").iterdir())) == 1
    assert sweep.left_log(cell) == "it went on"
    sweep.clear(cell)
    assert list((sweep.path / "running").iterdir()) == []


def test_who_drives_is_known_while_they_do(sweep: SweepFolder) -> None:
    assert sweep.driver() is None
    program = (
        "import os, sys, time; from pathlib import Path\n"
        "from lm_eval_iberian.sweep.sweep_folder import open_sweep\n"
        "with open_sweep(Path(sys.argv[1])).driven():\n"
        "    print('here', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(sweep.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = sweep.driver()
        assert found is not None
        assert found[1] is not None
        assert found[1].pid == process.pid
        process.kill()
    # what a killed one has left names nobody
    assert (sweep.path / "locks" / "driver").is_file()
    assert sweep.driver() is None


def test_a_driver_elsewhere_is_no_process_of_ours(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweep.driven():
        assert sweep.driver() is not None
        monkeypatch.setattr(sweep_folder, "_host", lambda: "login2")
        found = sweep.driver()
        assert found is not None
        assert found[1] is None
        monkeypatch.undo()
        # a number that was given to another process since
        path = sweep.path / "locks" / "driver"
        path.write_text(path.read_text().replace('"begun": ', '"begun": 1'))
        assert sweep.driver() is None
