"""Runs the cells that lack a result, a process for each, as many as there are slots."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Literal

from lm_eval_iberian.sweep.cell_evaluation import last_line
from lm_eval_iberian.sweep.cell_process import note_death
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import InFlightError, SweepFolder
from lm_eval_iberian.sweep.tethered import tethered


_POLL = 0.05
_PATIENCE = 10.0
IN_FLIGHT = 4
Ended = Literal["done", "failed", "elsewhere"]


class SweepWatch:
    """Is told how a sweep goes on; this one says nothing."""

    def began(self, cell: SweepCell, slot: str) -> None:
        """A cell has begun in a slot."""

    def ended(self, cell: SweepCell, slot: str, how: Ended, seconds: float) -> None:
        """It has ended."""


@dataclass
class _Running:
    cell: SweepCell
    slot: str
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    begun: float = field(default_factory=time.monotonic)


def to_run(
    folder: SweepFolder, cells: Sequence[SweepCell], *, retry_failed: bool
) -> list[SweepCell]:
    """Return the cells that a run would begin: no result, and no error unless asked.

    Those that run are among them: a killed process lets go of its cell a moment after
    it has ended, and of one that somebody else runs the attempt is told so.
    """
    left_out = {"done"} if retry_failed else {"done", "failed"}
    return [cell for cell in cells if folder.state(cell) not in left_out]


def drive(
    folder: SweepFolder,
    cells: Sequence[SweepCell],
    slots: Sequence[str],
    command: Callable[[SweepCell], list[str]],
    *,
    gpus: bool = False,
    watch: SweepWatch | None = None,
) -> None:
    """Run cells until each has ended, however.

    Where this process is killed, those that run are killed with it (on Linux).

    Args:
        folder: The sweep.
        cells: Which cells.
        slots: So many run at a time; the names of GPUs, or of nothing.
        command: Gives the command that runs a cell.
        gpus: Whether a cell is to see the GPU alone after which its slot is named.
        watch: Is told.

    Raises:
        InFlightError: Another process drives the sweep.
    """
    watch = watch or SweepWatch()
    with folder.driven(), _processes() as running:
        waiting, free = deque(cells), list(slots)
        while waiting or running:
            while waiting and free:
                cell = waiting.popleft()
                if folder.is_done(cell):  # by somebody else, in the meantime
                    continue
                slot = free.pop(0)
                running.append(_start(cell, slot, command(cell), gpus))
                watch.began(cell, slot)
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                free.append(one.slot)
                how = _outcome(folder, one)
                watch.ended(one.cell, one.slot, how, time.monotonic() - one.begun)
            if running:
                time.sleep(_POLL)


def _start(cell: SweepCell, slot: str, command: list[str], gpus: bool) -> _Running:
    environment = os.environ | ({"CUDA_VISIBLE_DEVICES": slot} if gpus else {})
    said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with its cell)
    process = subprocess.Popen(
        tethered(command),
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # an interrupt is ours to pass on
    )
    return _Running(cell, slot, process, said)


def _outcome(folder: SweepFolder, one: _Running) -> Ended:
    """Return how a cell ended, by its files; where they say nothing, write it down."""
    code = one.process.returncode
    with one.said as file:
        file.seek(0)
        said = file.read().decode("utf-8", errors="replace")
    if folder.is_done(one.cell):
        return "done"
    if code == IN_FLIGHT:
        return "elsewhere"
    if code == 3 and folder.error(one.cell) is not None:
        return "failed"
    if code < 0:
        why = f"its process was ended by {signal.Signals(-code).name}"
    else:
        why = f"its process ended with {code}: {last_line(said) or 'it said nothing'}"
    try:
        note_death(folder, one.cell, why, said)
    except InFlightError:
        return "elsewhere"
    return "failed"


@contextmanager
def _processes() -> Iterator[list[_Running]]:
    """Hold running processes, and end those that are left, with all that they began."""
    running: list[_Running] = []
    try:
        yield running
    finally:
        for one in running:
            _signal(one, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        for one in running:
            try:
                one.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(one, signal.SIGKILL)
                one.process.wait()
            one.said.close()


def _signal(one: _Running, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(one.process.pid, number)
