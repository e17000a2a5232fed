"""What was handed to which jobs: written before it is, and found again.

``slurm/ID/manifest.json`` is one array of jobs, whose name in SLURM holds the ID. The
folder holds the jobs' own files too: what they are to call, and what they print.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.sweep.slurm_queue import QueuedTask, queued_tasks
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import State, SweepFolder


_FILE, _FORMAT = "manifest.json", 1
# so long a call of sbatch may go on whose caller was killed
SETTLED = 10.0
SlurmState = Literal[State, "pending", "lost"]
SLURM_STATES: tuple[SlurmState, ...] = (
    "done", "running", "pending", "failed", "lost", "waiting",
)  # fmt: skip


class HasPath(Protocol):
    """A folder of ours for which jobs work: a sweep's, or a search's."""

    @property
    def path(self) -> Path:
        """Where it is."""


@dataclass(frozen=True)
class SlurmManifest:
    """An array of jobs.

    Attributes:
        id: What tells it from all others.
        tasks: The ids of each task's cells; none of a search, whose tasks are alike.
        attempts: How often each cell had failed before.
        made: When it was written, in seconds.
        job: SLURM's id of it; empty before it is known.
        cancelled: Whether ``iberian sweep cancel`` has ended it.
    """

    id: str
    tasks: tuple[tuple[str, ...], ...]
    attempts: Mapping[str, int]
    made: float
    job: str = ""
    cancelled: bool = False

    @property
    def name(self) -> str:
        """What SLURM calls it."""
        return f"iberian-{self.id}"

    @property
    def is_new(self) -> bool:
        """Whether SLURM may be taking it at this moment, with nobody to say so."""
        return not self.job and not self.cancelled and time.time() < self.made + SETTLED

    def is_settled(self, folder: SweepFolder, cell: SweepCell) -> bool:
        """Whether a cell has a result, or has failed since this was written."""
        return folder.is_done(cell) or failures(folder, cell) > self.attempts[cell.id]


def packed(cells: Iterable[SweepCell], merges: int) -> list[tuple[str, ...]]:
    """Return the ids of cells by job: those of so many models are together."""
    subjects: dict[str, list[str]] = {}
    for cell in cells:
        subjects.setdefault(cell.subject, []).append(cell.id)
    groups = list(subjects.values())
    return [
        tuple(name for group in groups[begin : begin + merges] for name in group)
        for begin in range(0, len(groups), merges)
    ]


def new_manifest(
    folder: SweepFolder, tasks: Sequence[tuple[str, ...]]
) -> SlurmManifest:
    """Write down which cells are about to be submitted."""
    cells = [folder.cell(name) for names in tasks for name in names]
    attempts = {cell.id: failures(folder, cell) for cell in cells}
    return note_array(folder, tasks, attempts)


def note_array(
    folder: HasPath, tasks: Sequence[tuple[str, ...]], attempts: Mapping[str, int]
) -> SlurmManifest:
    """Write down an array that is about to be submitted; see ``SlurmManifest``."""
    found = SlurmManifest(secrets.token_hex(6), tuple(tasks), attempts, time.time())
    manifest_place(folder, found.id).mkdir(parents=True)
    _write(folder, found)
    return found


def with_job(folder: HasPath, manifest: SlurmManifest, job: str) -> SlurmManifest:
    """Write down SLURM's id of an array."""
    found = replace(manifest, job=job)
    _write(folder, found)
    return found


def set_cancelled(folder: HasPath, manifest: SlurmManifest) -> None:
    """Write down that an array was ended on purpose: its cells are not lost."""
    _write(folder, replace(manifest, cancelled=True))


def take_back(folder: HasPath, manifest: SlurmManifest) -> None:
    """Remove what was written of an array that SLURM has not taken."""
    shutil.rmtree(manifest_place(folder, manifest.id))


def manifest_place(folder: HasPath, name: str) -> Path:
    """Return the folder of an array."""
    return folder.path / "slurm" / name


def read_manifest(folder: HasPath, name: str) -> SlurmManifest:
    """Read what was written of an array.

    Raises:
        DataError: It is not what ``new_manifest`` writes.
    """
    path = manifest_place(folder, name) / _FILE
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.pop("format") != _FORMAT:
            raise DataError(f"{path} is of another version of lm-eval-iberian")
        tasks = tuple(tuple(names) for names in content.pop("tasks"))
        return SlurmManifest(**content, tasks=tasks)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not what a sweep writes: {error}") from error


def manifests(folder: HasPath) -> list[SlurmManifest]:
    """Return every array of a folder, in the order in which they were made."""
    found = sorted((folder.path / "slurm").glob(f"*/{_FILE}"))
    read = (read_manifest(folder, path.parent.name) for path in found)
    return sorted(read, key=lambda one: one.made)


def failures(folder: SweepFolder, cell: SweepCell) -> int:
    """Return how often a cell has failed."""
    return int((folder.error(cell) or {}).get("attempts", 0))


def tasks_in_flight(of: Sequence[SlurmManifest]) -> list[QueuedTask]:
    """Return the tasks of arrays that are in flight.

    A call of sbatch whose caller was killed is given the time to be seen.

    Raises:
        SlurmError: SLURM does not say what is in flight.
    """
    names = {one.name for one in of}
    if not names:
        return []
    tasks = queued_tasks(names)
    deadline = time.monotonic() + SETTLED
    while time.monotonic() < deadline:
        seen = {task.name for task in tasks}
        if not any(one.is_new and one.name not in seen for one in of):
            break
        time.sleep(0.5)
        tasks = queued_tasks(names)
    return tasks


def cells_in_flight(
    folder: SweepFolder, of: Sequence[SlurmManifest] | None = None
) -> dict[str, QueuedTask]:
    """Return the ids of the cells that jobs have still to do, and which jobs.

    Args:
        folder: The sweep.
        of: Its arrays, where they have been read.

    Raises:
        SlurmError: SLURM does not say what is in flight.
    """
    arrays = {one.name: one for one in (manifests(folder) if of is None else of)}
    found = {}
    for task in tasks_in_flight(list(arrays.values())):
        array = arrays[task.name]
        for name in array.tasks[task.task]:
            if not array.is_settled(folder, folder.cell(name)):
                found[name] = task
    return found


def slurm_state(
    folder: SweepFolder,
    cell: SweepCell,
    flight: Mapping[str, QueuedTask],
    of: Sequence[SlurmManifest],
) -> SlurmState:
    """Return how a cell stands: its result, then the queue, then its error.

    One that was handed to a job that has gone without either is lost: a node, a limit
    or a hand has ended it, and another run begins it again.

    Args:
        folder: The sweep.
        cell: The cell.
        flight: The cells in flight.
        of: Every array.
    """
    if folder.is_done(cell):
        return "done"
    if cell.id in flight:
        return "running" if flight[cell.id].runs else "pending"
    state = folder.state(cell)
    last = next((one for one in reversed(of) if cell.id in one.attempts), None)
    given = last is not None and not last.cancelled
    return "lost" if state == "waiting" and given else state


def _write(folder: HasPath, manifest: SlurmManifest) -> None:
    content: dict[str, Any] = {"format": _FORMAT, **asdict(manifest)}
    path = manifest_place(folder, manifest.id) / _FILE
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
