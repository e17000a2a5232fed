"""What SLURM says of jobs in flight, and what it is told to end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.terminal import one_line


_PROGRAMS = ("sbatch", "srun", "squeue", "scontrol", "scancel")
# array, task, user, state, reason, name; each task of an array by itself
_FORMAT = "%F|%K|%U|%T|%r|%j"
_SECONDS = 60.0
# states whose processes are on a node
_THERE = {
    "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT",
    "RESIZING",
}  # fmt: skip


class SlurmError(IberianError, RuntimeError):
    """SLURM is not here, does not answer, or refuses."""


@dataclass(frozen=True)
class QueuedTask:
    """A task of an array that is in flight.

    Attributes:
        name: The array's name.
        array: The array's id.
        task: Which of its tasks, from 0.
        job: Both, as SLURM's commands take it.
        user: The number of whose it is.
        state: SLURM's word for its state.
        reason: Why it is in that state.
    """

    name: str
    array: str
    task: int
    job: str
    user: str
    state: str
    reason: str

    @property
    def runs(self) -> bool:
        """Whether it is on a node, or has just ended there."""
        return self.state in _THERE


def require_slurm() -> None:
    """Check that SLURM's commands are here.

    Raises:
        SlurmError: They are not.
    """
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        raise SlurmError(
            f"SLURM is not here: {', '.join(absent)} not found; --executor slurm is for"
            " where a cluster's jobs are submitted"
        )


def queued_tasks(names: Collection[str]) -> list[QueuedTask]:
    """Return the tasks in flight of the arrays of these names, whosever they are.

    Raises:
        SlurmError: SLURM does not say.
    """
    said = _say(["squeue", "-h", "-r", "-n", ",".join(sorted(names)), "-o", _FORMAT])
    found = []
    for line in said.splitlines():
        array, task, user, state, reason, name = line.split("|", 5)
        if name.strip() in names:
            single = not task.isdigit()  # a job by itself is no array
            job = array if single else f"{array}_{task}"
            place = 0 if single else int(task)
            found.append(
                QueuedTask(name.strip(), array, place, job, user, state, reason)
            )
    return found


def state_of_job(job: str) -> str:
    """Return the state of a job, empty where SLURM does not know it or say so."""
    try:
        return _say(["squeue", "-h", "-j", job, "-o", "%T"]).strip()
    except SlurmError:
        return ""


def largest_array() -> int:
    """Return how many tasks an array may have; 1 where there are no arrays.

    Raises:
        SlurmError: SLURM does not say.
    """
    said = _say(["scontrol", "show", "config"])
    of = re.search(r"(?m)^MaxArraySize\s*=\s*(\d+)", said)
    return max(1, int(of[1])) if of else 1


def cancel_jobs(arrays: Sequence[str]) -> None:
    """End jobs.

    Raises:
        SlurmError: SLURM refuses.
    """
    _say(["scancel", *arrays])


def _say(command: list[str]) -> str:
    # a user's own formats and filters are for their eyes
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SQUEUE_")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace",
            env=kept | {"LC_ALL": "C"}, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SlurmError(f"SLURM is not here: {command[0]} not found") from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(
            f"SLURM does not answer: {command[0]} took longer than {_SECONDS:.0f} s"
        ) from error
    if done.returncode:
        why = one_line(done.stderr) or f"it ended with {done.returncode}"
        raise SlurmError(f"SLURM does not answer: {command[0]} says: {why}")
    return done.stdout
