"""Ends what runs of a sweep, here and on a cluster, and nothing else.

Whatever is ended has no result, and the next run begins it again.
"""

from __future__ import annotations

import os
import time

import psutil

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.sweep.slurm_manifest import (
    cells_in_flight,
    manifests,
    set_cancelled,
)
from lm_eval_iberian.sweep.slurm_queue import cancel_jobs, queued_tasks
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


# a driver gives its cells a time to end
_PATIENCE, _PAUSE = 60.0, 0.1


class CancelError(IberianError, RuntimeError):
    """What runs of a sweep is not ours to end, or does not end."""


def cancel_local(folder: SweepFolder) -> int | None:
    """Ask the process to end that drives a sweep, and wait until it has.

    Returns:
        Its number; ``None`` where no process does.

    Raises:
        CancelError: It is another user's, on another machine, or goes on.
    """
    driver = folder.driver()
    if driver is None:
        return None
    host, process = driver
    if process is None:
        raise CancelError(f"{folder.path} is being run on {host}: cancel it there")
    try:
        process.terminate()  # psutil asks no other that was given its number
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied as error:
        raise CancelError(
            f"{folder.path} is being run by process {process.pid}, which is another"
            " user's"
        ) from error
    deadline = time.monotonic() + _PATIENCE
    while folder.driver() is not None:
        if time.monotonic() > deadline:
            raise CancelError(
                f"process {process.pid}, which runs {folder.path}, was asked to end and"
                f" has not in {_PATIENCE:.0f} s"
            )
        time.sleep(_PAUSE)
    return int(process.pid)


def cancel_submitted(folder: SweepFolder) -> int:
    """End the cluster's jobs of a sweep that are in flight.

    Returns:
        How many there were.

    Raises:
        SlurmError: SLURM does not say what is in flight.
        CancelError: Some jobs are another user's; ours have been ended.
    """
    arrays = [one for one in manifests(folder) if not one.cancelled]
    cells_in_flight(folder, arrays)  # an array that is being submitted is seen then
    tasks = queued_tasks([one.name for one in arrays]) if arrays else []
    own = [task for task in tasks if task.user == str(os.getuid())]
    names = {task.name for task in own}
    if own:
        cancel_jobs(sorted({task.array for task in own}))
    others = {task.name for task in tasks} - names
    for one in arrays:
        if one.name not in others:
            set_cancelled(folder, one)
    deadline = time.monotonic() + _PATIENCE
    while names and queued_tasks(names) and time.monotonic() < deadline:
        time.sleep(_PAUSE)  # what runs is given a time to end
    if others:
        raise CancelError(
            f"{folder.path}: {len(others)} arrays of jobs are another user's"
        )
    return len(own)
