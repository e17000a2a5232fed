"""What a job of the cluster calls: a program of ours, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from lm_eval_iberian.sweep.cell_evaluation import last_line
from lm_eval_iberian.sweep.slurm_queue import state_of_job
from lm_eval_iberian.sweep.tethered import tethered


# nodes have no network, as a rule, and what waits for one holds a GPU
_OFFLINE = {
    "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
}  # fmt: skip
_POLL, _PATIENCE = 0.1, 10.0
# between a kill of the program and one of ours, where both are meant
_MOMENT = 2.0
_GRACE = 900.0
_KEPT_LINES = 200


class SlurmCall(ABC):
    """Runs a task of an array; called with texts alone, by submitit."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = False

    def __call__(self, folder: str, name: str, task: str, *program: str) -> str:
        """Run it.

        Args:
            folder: The folder of what was submitted.
            name: The array's id.
            task: Which of its tasks.
            program: What does the work.

        Returns:
            Which task this was, to be kept by submitit.
        """
        before = signal.signal(signal.SIGTERM, self._note_asked)
        try:
            self._run(folder, name, int(task), program)
        finally:
            self._end_child()
            signal.signal(signal.SIGTERM, before)
        return f"task {task} of {name}"

    def checkpoint(self, *arguments: str) -> Any:
        """End what runs, and return the same call for when the job runs again.

        Called by submitit before a limit of time, or where SLURM says that the job is
        to make room. What is whole by then is not done again.
        """
        from submitit.helpers import DelayedSubmission

        self._end_child()
        return DelayedSubmission(type(self)(), *arguments)

    @abstractmethod
    def _run(self, folder: str, name: str, task: int, program: Sequence[str]) -> None:
        """Do what the task is for, by ``_done``."""

    def _done(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program; return how it ended, and the end of what it said."""
        # submitit's signal reaches every process of a job, and is for this one
        own = {_usr_signal()}
        signal.pthread_sigmask(signal.SIG_BLOCK, own)
        try:
            self._child = subprocess.Popen(
                tethered(list(command)), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=os.environ | _OFFLINE, start_new_session=True,
            )  # fmt: skip
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, own)
        kept: deque[bytes] = deque(maxlen=_KEPT_LINES)
        reader = threading.Thread(
            target=_pass_on, args=(self._child, kept), daemon=True
        )
        reader.start()
        while (code := self._child.poll()) is None:
            time.sleep(_POLL)  # in a wait, nothing that a signal calls could wait too
        reader.join(_PATIENCE)  # what the program began may hold its output open
        if code < 0 and not self._asked:
            time.sleep(_MOMENT)  # the job may be killed as a whole
        return code, b"".join(kept).decode("utf-8", errors="replace")

    def _note_asked(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def _wait_for_the_end(self) -> None:
        """Wait to be killed: a job that ends before is not put back into the queue."""
        job, until = os.environ.get("SLURM_JOB_ID", ""), time.monotonic() + _GRACE
        while time.monotonic() < until and state_of_job(job) == "RUNNING":
            time.sleep(_MOMENT)
        raise SystemExit(128 + signal.SIGTERM)

    def _end_child(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_PATIENCE)
                return


def _usr_signal() -> signal.Signals:
    name = os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")
    return signal.Signals[f"SIG{name}"]


def _pass_on(child: subprocess.Popen[bytes], kept: deque[bytes]) -> None:
    """Print what a program says, and keep the end of it."""
    with suppress(ValueError, OSError):
        for line in child.stdout or ():
            kept.append(line)
            sys.stdout.buffer.write(line)
            sys.stdout.flush()


def how_it_ended(code: int, said: str) -> str:
    """Return in words how a program ended that did not do what it was for."""
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL); out of memory, as a rule"
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with {code}: {last_line(said) or 'it said nothing'}"
