"""A search on a cluster: alike jobs, each of which shares in it until it is done.

Arrays of jobs are written down and found again as those of sweeps (``slurm_manifest``).
Beside an array's manifest ``error-N.json`` says why its job N failed, and ``ended-N``
that it did what it was for, or that another was submitted in its place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.search.search_folder import SearchFolder
from lm_eval_iberian.search.search_spec import SearchSettings
from lm_eval_iberian.sweep.slurm_call import SlurmCall, how_it_ended
from lm_eval_iberian.sweep.slurm_manifest import (
    SlurmManifest,
    manifest_place,
    manifests,
    note_array,
    tasks_in_flight,
)
from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
from lm_eval_iberian.sweep.slurm_queue import QueuedTask
from lm_eval_iberian.sweep.slurm_submission import forget_calls, submit_arrays
from lm_eval_iberian.terminal import some


class SearchTask(SlurmCall):
    """Runs a program that searches with others, and writes down why it failed."""

    def _run(self, folder: str, name: str, task: int, program: Sequence[str]) -> None:
        place = manifest_place(SearchFolder(Path(folder)), name)
        code, said = self._done(program)
        if code and self._asked:
            self._wait_for_the_end()
        if code:
            text = json.dumps({"error": how_it_ended(code, said)}, ensure_ascii=False)
            write_whole(_error(place, task), text + "\n")
        else:
            _ended(place, task).touch()


@dataclass(frozen=True)
class SearchJobs:
    """How the jobs of a search stand.

    Attributes:
        arrays: Every array of them.
        flight: Those that wait or run.
        gone: Those that have gone before the search was done, and have no other in
            their place yet, and why.
    """

    arrays: tuple[SlurmManifest, ...]
    flight: tuple[QueuedTask, ...]
    gone: dict[str, str]


def search_jobs(folder: SearchFolder) -> SearchJobs:
    """Return how the jobs of a search stand, by SLURM's queue and their files.

    Raises:
        SlurmError: SLURM does not say what is in flight.
    """
    arrays = manifests(folder)
    flight = _in_flight(folder, arrays)
    there = {(one.name, one.task) for one in flight}
    gone: dict[str, str] = {}
    for array in arrays:
        place = manifest_place(folder, array.id)
        for task in range(len(array.tasks)) if array.job else ():
            if (array.name, task) in there or _ended(place, task).exists():
                continue
            error, job = _error(place, task), f"{array.job}_{task}"
            if error.exists():
                why = json.loads(error.read_text("utf-8"))["error"]
                gone[job] = f"job {job} failed: {why}"
            else:
                gone[job] = f"job {job} is lost: a limit, a node or a hand has ended it"
    return SearchJobs(tuple(arrays), tuple(flight), gone)


def jobs_wanted(settings: SearchSettings, profile: SlurmProfile) -> int:
    """Return how many jobs a search has: of more some would have nothing to do."""
    most = min(settings.at_once, settings.candidates)
    return min(most, profile.max_jobs or most)


def submit_search(
    folder: SearchFolder,
    jobs: SearchJobs,
    count: int,
    profile: SlurmProfile,
    program: Sequence[str],
) -> list[SlurmManifest]:
    """Submit jobs that share in a search.

    Args:
        folder: Its folder, held.
        jobs: How its jobs stand.
        count: How many are to be submitted.
        profile: How they are asked for.
        program: What a job runs.

    Raises:
        SlurmError: SLURM refuses them.
    """
    forget_calls(folder, jobs.arrays, jobs.flight)
    made = submit_arrays(
        folder, [()] * count, lambda tasks: note_array(folder, tasks, {}), profile,
        SearchTask(), program,
    )  # fmt: skip
    for array in jobs.arrays:
        for task in range(len(array.tasks)):
            if f"{array.job}_{task}" in jobs.gone:
                _ended(manifest_place(folder, array.id), task).touch()
    return made


def program_of(spec: Path, folder: SearchFolder) -> list[str]:
    """Return what a job runs."""
    return [
        sys.executable, "-m", "lm_eval_iberian.cli", "search", str(spec.absolute()),
        "-o", str(folder.path.absolute()), "--shared",
    ]  # fmt: skip


def check_no_jobs(folder: SearchFolder) -> None:
    """Check that no jobs are at a search that is to go on here.

    Raises:
        DataError: Some are.
        SlurmError: SLURM does not say.
    """
    flight = _in_flight(folder, manifests(folder))
    if flight:
        raise DataError(
            f"{folder.path} is being searched by {len(flight)} jobs of the cluster,"
            f" {some([one.job for one in flight])}: wait for them, or end them:"
            f" scancel {' '.join(sorted({one.array for one in flight}))}"
        )


def _in_flight(
    folder: SearchFolder, arrays: Sequence[SlurmManifest]
) -> list[QueuedTask]:
    """Return the jobs in flight; SLURM is not asked where all are known to be over."""
    left = []
    for array in arrays:
        place = manifest_place(folder, array.id)
        if not all(_ended(place, task).exists() for task in range(len(array.tasks))):
            left.append(array)
    return tasks_in_flight(left)


def _error(place: Path, task: int) -> Path:
    return place / f"error-{task}.json"


def _ended(place: Path, task: int) -> Path:
    return place / f"ended-{task}"
