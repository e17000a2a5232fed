"""How the jobs of a search stand, and what one leaves that fails."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_search import run

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.search_folder import SearchFolder
from lm_eval_iberian.search.search_jobs import (
    SearchTask,
    check_no_jobs,
    jobs_wanted,
    search_jobs,
)
from lm_eval_iberian.search.search_spec import SearchSettings
from lm_eval_iberian.sweep import slurm_manifest
from lm_eval_iberian.sweep.slurm_manifest import note_array, with_job
from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
from lm_eval_iberian.sweep.slurm_queue import QueuedTask


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    return SearchFolder(tmp_path)


COUNTS: list[tuple[str, dict[str, Any], int | None, int]] = [
    ("as many as are proposed at once", {"at_once": 4}, None, 4),
    ("fewer are asked for", {"at_once": 4}, 2, 2),
    ("more would have nothing to do", {"at_once": 4}, 16, 4),
    ("fewer candidates", {"at_once": 4, "candidates": 3}, None, 3),
]


@pytest.mark.parametrize(("why", "given", "most", "count"), COUNTS)
def test_how_many_jobs(
    why: str, given: dict[str, Any], most: int | None, count: int
) -> None:
    profile = SlurmProfile(time=1, max_jobs=most)
    assert jobs_wanted(SearchSettings(**given), profile) == count, why


@pytest.mark.slow
def test_jobs_by_the_queue_and_their_files(
    folder: SearchFolder,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    queue: list[QueuedTask] = []
    asked: list[set[str]] = []

    def queued(names: Any) -> list[QueuedTask]:
        asked.append(set(names))
        return queue

    monkeypatch.setattr(slurm_manifest, "queued_tasks", queued)
    assert search_jobs(folder).flight == ()
    check_no_jobs(folder)
    assert asked == []  # where nothing was submitted SLURM need not be there
    made = with_job(folder, note_array(folder, [()] * 4, {}), "7")
    queue += [QueuedTask(made.name, "7", 0, "7_0", "0", "RUNNING", "None")]
    for task, code in (("1", "import no_such_module"), ("2", "")):
        SearchTask()(str(folder.path), made.id, task, sys.executable, "-c", code)
    assert "no_such_module" in capfd.readouterr().out
    found = search_jobs(folder)
    assert [one.job for one in found.flight] == ["7_0"]
    assert found.gone == {
        "7_1": "job 7_1 failed: its process ended with 1: ModuleNotFoundError: No"
        " module named 'no_such_module'",
        "7_3": "job 7_3 is lost: a limit, a node or a hand has ended it",
    }
    with pytest.raises(
        DataError, match=r"is being searched by 1 jobs of the cluster, 7_0: wait for"
        " them, or end them: scancel 7$",
    ):  # fmt: skip
        check_no_jobs(folder)
    # the same job again, which SLURM has put back into the queue
    SearchTask()(str(folder.path), made.id, "1", sys.executable, "-c", "")
    queue.clear()
    assert set(search_jobs(folder).gone) == {"7_0", "7_3"}
    for task in ("0", "3"):
        SearchTask()(str(folder.path), made.id, task, sys.executable, "-c", "")
    asked.clear()
    assert search_jobs(folder).gone == {}
    check_no_jobs(folder)
    assert asked == []  # nor where all are known to be over


@pytest.mark.slow
def test_a_killed_program_is_told(
    folder: SearchFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    made = with_job(folder, note_array(folder, [()], {}), "7")
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    SearchTask()(str(folder.path), made.id, "0", sys.executable, "-c", code)
    path = folder.path / "slurm" / made.id / "error-0.json"
    assert "its process was killed (SIGKILL); out of memory, as a rule" in (
        path.read_text("utf-8")
    )


USES: list[tuple[str, list[str], str]] = [
    ("an option of jobs", ["--qos", "x"], "--qos is for --executor slurm"),
    ("a profile", ["--profile", "p"], "--profile is for --executor slurm"),
    ("GPUs of this machine", ["slurm", "--time", "1", "--gpus", "0"], "gpus-per-job"),
    ("candidates at a time", ["slurm", "--time", "1", "--jobs", "2"], "--max-jobs"),
    ("no time", ["slurm"], "jobs need a limit of time: give --time"),
    ("an option of sweeps", ["slurm", "--merges-per-job", "2"], "No such option"),
    ("both here", ["--gpus", "0", "--jobs", "2"], "--jobs is for candidates without"),
    ("a GPU twice", ["--gpus", "0,0"], "--gpus takes different names as 0,1, found"),
]


@pytest.mark.parametrize(("why", "arguments", "says"), USES)
def test_a_wrong_use_is_a_sentence(
    why: str, arguments: list[str], says: str, tmp_path: Path
) -> None:
    if arguments[0] == "slurm":
        arguments = ["--executor", *arguments]
    found = run(tmp_path / "search.yaml", tmp_path / "out", *arguments)
    assert found.exit_code in (1, 2), why
    assert says in " ".join(found.output.split())
    assert not (tmp_path / "out").exists()
