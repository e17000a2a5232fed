"""Which cells go into which jobs, and how cells stand, by files and a queue."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cheap_cells import cheap_cell, cheap_evaluation, cheap_sweep

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep import slurm_manifest
from lm_eval_iberian.sweep.cell_process import run_cell
from lm_eval_iberian.sweep.slurm_manifest import (
    SlurmManifest,
    cells_in_flight,
    manifests,
    new_manifest,
    packed,
    set_cancelled,
    slurm_state,
    take_back,
    with_job,
)
from lm_eval_iberian.sweep.slurm_queue import QueuedTask, SlurmError
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


NAMES = ("a--s-eu", "fails--s-eu", "c--s-eu", "d--s-eu")


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    return cheap_sweep(tmp_path / "sweep", list(NAMES))


class Queue:
    """What squeue would say."""

    def __init__(self, *tasks: QueuedTask) -> None:
        self.tasks, self.asked = list(tasks), 0

    def __call__(self, names: Any) -> list[QueuedTask]:
        self.asked += 1
        return [task for task in self.tasks if task.name in names]


def queued(manifest: SlurmManifest, task: int, state: str = "RUNNING") -> QueuedTask:
    return QueuedTask(manifest.name, "7", task, f"7_{task}", "0", state, "None")


def cells(*merges: str) -> list[Any]:
    return [
        cheap_cell(f"{number}--s-eu", recipe={"merge_method": merge})
        for number, merge in enumerate(merges)
    ]


PACKS = [
    ("one merge, one job", "aabbb", 1, ["01", "234"]),
    ("two merges, one job", "aabbbc", 2, ["01234", "5"]),
    ("cells of a merge that are apart", "abab", 1, ["02", "13"]),
    ("more than there are", "ab", 9, ["01"]),
    ("none", "", 1, []),
]


@pytest.mark.parametrize(("why", "merges", "each", "wanted"), PACKS)
def test_packing(why: str, merges: str, each: int, wanted: list[str]) -> None:
    found = packed(cells(*merges), each)
    numbers = ["".join(name[0] for name in names) for names in found]
    assert numbers == wanted, why


def test_what_is_written_is_read(sweep: SweepFolder) -> None:
    first = new_manifest(sweep, [NAMES[:2], NAMES[2:3]])
    second = new_manifest(sweep, [NAMES[3:]])
    assert first.id != second.id
    assert first.name == f"iberian-{first.id}"
    assert manifests(sweep) == [first, second]
    given = with_job(sweep, first, "17")
    assert manifests(sweep) == [replace(first, job="17"), second]
    set_cancelled(sweep, given)
    assert manifests(sweep)[0].cancelled
    take_back(sweep, second)
    assert [one.id for one in manifests(sweep)] == [first.id]
    assert not (sweep.path / "slurm" / second.id).exists()


def test_a_manifest_that_is_none(sweep: SweepFolder) -> None:
    found = new_manifest(sweep, [NAMES])
    (sweep.path / "slurm" / found.id / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="is not what a sweep writes"):
        manifests(sweep)


def test_states(sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def states() -> list[str]:
        arrays = manifests(sweep)
        flight = cells_in_flight(sweep, arrays)
        return [slurm_state(sweep, cell, flight, arrays) for cell in sweep.cells]

    queue = Queue()
    monkeypatch.setattr(slurm_manifest, "queued_tasks", queue)
    assert states() == ["waiting"] * 4
    assert queue.asked == 0  # nothing was ever submitted
    made = with_job(sweep, new_manifest(sweep, [NAMES[:2], NAMES[2:3]]), "7")
    assert states() == ["lost", "lost", "lost", "waiting"]
    queue.tasks = [queued(made, 0), queued(made, 1, "PENDING")]
    assert states() == ["running", "running", "pending", "waiting"]
    # a result and a new error count before the queue, though the job goes on
    run_cell(sweep, sweep.cells[0], cheap_evaluation(0))
    run_cell(sweep, sweep.cells[1], cheap_evaluation(0))
    assert states() == ["done", "failed", "pending", "waiting"]
    queue.tasks = []
    assert states() == ["done", "failed", "lost", "waiting"]
    # the same cells in another array: an error from before it does not count
    again = with_job(sweep, new_manifest(sweep, [NAMES[1:3]]), "8")
    queue.tasks = [queued(again, 0, "COMPLETING")]
    assert states() == ["done", "running", "running", "waiting"]
    queue.tasks = []
    set_cancelled(sweep, again)
    assert states() == ["done", "failed", "waiting", "waiting"]


def test_a_submission_that_was_cut_off_is_waited_for(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_manifest(sweep, [NAMES])
    queue = Queue()
    monkeypatch.setattr(slurm_manifest, "queued_tasks", queue)
    monkeypatch.setattr(slurm_manifest, "SETTLED", 3.0)

    def appears(seconds: float) -> None:
        queue.tasks = [queued(made, 0)]

    monkeypatch.setattr(slurm_manifest.time, "sleep", appears)
    assert set(cells_in_flight(sweep)) == set(NAMES)
    assert queue.asked == 2


def test_one_that_was_cut_off_long_ago_is_not(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_manifest(sweep, [NAMES])
    queue = Queue()
    monkeypatch.setattr(slurm_manifest, "queued_tasks", queue)
    later = time.time() + slurm_manifest.SETTLED + 1
    monkeypatch.setattr(slurm_manifest.time, "time", lambda: later)
    assert not made.is_new
    assert cells_in_flight(sweep) == {}
    assert queue.asked == 1


def test_a_queue_that_does_not_answer(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_manifest(sweep, [NAMES])
    monkeypatch.setenv("PATH", str(sweep.path))
    with pytest.raises(SlurmError, match="squeue not found"):
        cells_in_flight(sweep)
