"""Runs the cells that lack a result: each slot has a process that is fed with them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from lm_eval_iberian.sweep.cell_evaluation import last_line
from lm_eval_iberian.sweep.cell_process import note_death
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import InFlightError, SweepFolder
from lm_eval_iberian.sweep.sweep_queue import SweepQueue
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
class _Worker:
    """A process that a slot has, and the cell that it is at."""

    slot: str
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    at: SweepCell | None = None
    since: float = 0.0
    began: bool = False
    leaving: bool = False
    served: int = 0
    _said_before: int = 0
    _heard: bytes = field(default=b"", repr=False)

    def give(self, cell: SweepCell) -> None:
        """Have it run a cell."""
        self.at, self.since, self.began = cell, time.monotonic(), False
        self._said_before = os.fstat(self.said.fileno()).st_size
        with suppress(BrokenPipeError):  # it has died, which is noticed
            os.write(_pipe(self.process.stdin), _line({"cell": cell.id}))

    def dismiss(self) -> None:
        """Have it end, now that it is at no cell."""
        self.leaving = True
        with suppress(BrokenPipeError):
            _stream(self.process.stdin).close()

    def messages(self) -> list[dict[str, Any]]:
        """Return what it has told since the last time."""
        with suppress(BlockingIOError):
            while block := os.read(_pipe(self.process.stdout), 1 << 16):
                self._heard += block
        *lines, self._heard = self._heard.split(b"\n")
        return [json.loads(line) for line in lines]

    def last_said(self) -> str:
        """Return what it printed beside its logs since it was given its cell."""
        self.said.seek(self._said_before)
        return self.said.read().decode("utf-8", errors="replace")

    def close(self) -> None:
        """Let go of what was opened for it."""
        for one in (self.said, self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):
                _stream(one).close()


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
    command: Sequence[str],
    *,
    gpus: bool = False,
    watch: SweepWatch | None = None,
) -> None:
    """Run cells until each has ended, however.

    Each slot has a process, a worker, that is given cells one after another, those of
    one merge together. One that failed at a cell, or died, is replaced. Where this
    process is killed, workers are killed with it (on Linux).

    Args:
        folder: The sweep.
        cells: Which cells.
        slots: So many run at a time; the names of GPUs, or of nothing.
        command: Starts a worker; see ``serve``.
        gpus: Whether a worker is to see the GPU alone after which its slot is named.
        watch: Is told.

    Raises:
        InFlightError: Another process drives the sweep.
    """
    with folder.driven(), _workers() as workers:
        folder.clear_scratch()
        drive = _Drive(folder, cells, command, gpus, watch or SweepWatch(), workers)
        drive.run(slots)


class _Drive:
    """One run of a sweep: who has which cell, and what came of it."""

    def __init__(
        self,
        folder: SweepFolder,
        cells: Sequence[SweepCell],
        command: Sequence[str],
        gpus: bool,
        watch: SweepWatch,
        workers: dict[str, _Worker],
    ) -> None:
        self._folder, self._command, self._gpus = folder, command, gpus
        self._watch, self._workers = watch, workers
        self._queue = SweepQueue(cells)
        # a slot's worker was gone before it could begin with this one
        self._again: dict[str, SweepCell] = {}

    def run(self, slots: Sequence[str]) -> None:
        """Feed workers until nothing is left."""
        with selectors.DefaultSelector() as changes:
            while True:
                for slot in slots:
                    self._feed(slot, changes)
                if not self._workers:
                    return
                changes.select(_POLL)
                for worker in list(self._workers.values()):
                    self._hear(worker)
                    if worker.process.poll() is not None:
                        self._hear(worker)  # what came in between
                        self._bury(worker, changes)

    def _feed(self, slot: str, changes: selectors.BaseSelector) -> None:
        """Give a slot's worker a cell if it is at none; without cells it may go."""
        worker = self._workers.get(slot)
        if worker is not None and (worker.at is not None or worker.leaving):
            return
        again = self._again.pop(slot, None)
        cell = again or self._next(slot)
        if cell is None:
            if worker is not None:
                worker.dismiss()
            return
        if worker is None:
            worker = self._workers[slot] = _start(slot, self._command, self._gpus)
            changes.register(_stream(worker.process.stdout), selectors.EVENT_READ)
        worker.give(cell)
        if again is None:
            self._watch.began(cell, slot)

    def _next(self, slot: str) -> SweepCell | None:
        while self._queue:
            cell = self._queue.take(slot)
            if not self._folder.is_done(cell):  # by somebody else, in the meantime
                return cell
        return None

    def _hear(self, worker: _Worker) -> None:
        for message in worker.messages():
            if "began" in message:
                worker.began, worker.since = True, time.monotonic()
            elif "left" in message:  # to a new process, which this one makes room for
                self._again[worker.slot], worker.at = _at(worker), None
                worker.leaving = True
            elif worker.at is not None:
                cell, worker.at = worker.at, None
                worker.served += 1
                worker.leaving = message["how"] == "failed"  # it ends by itself
                self._ended(worker, cell, _outcome(self._folder, cell, message["how"]))

    def _bury(self, worker: _Worker, changes: selectors.BaseSelector) -> None:
        """Take leave of a worker that has ended, and say what became of its cell."""
        del self._workers[worker.slot]
        changes.unregister(_stream(worker.process.stdout))
        cell = worker.at
        if cell is not None and worker.served and not worker.began:
            self._again[worker.slot] = cell
        elif cell is not None:
            self._ended(worker, cell, _death(self._folder, cell, worker))
        worker.close()

    def _ended(self, worker: _Worker, cell: SweepCell, how: Ended) -> None:
        self._watch.ended(cell, worker.slot, how, time.monotonic() - worker.since)


def _start(slot: str, command: Sequence[str], gpus: bool) -> _Worker:
    environment = os.environ | ({"CUDA_VISIBLE_DEVICES": slot} if gpus else {})
    said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with its worker)
    process = subprocess.Popen(
        tethered(list(command)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env=environment,
        start_new_session=True,  # an interrupt is ours to pass on
    )
    os.set_blocking(_pipe(process.stdout), False)
    return _Worker(slot, process, said)


def _outcome(folder: SweepFolder, cell: SweepCell, how: str) -> Ended:
    """Return how a cell ended, by its files."""
    if folder.is_done(cell):
        return "done"
    return "elsewhere" if how == "elsewhere" else "failed"


def _death(folder: SweepFolder, cell: SweepCell, worker: _Worker) -> Ended:
    """Return how the cell of a dead worker stands; that it failed is written down."""
    code, said = worker.process.returncode, worker.last_said()
    if folder.is_done(cell):
        return "done"
    if code < 0:
        why = f"its process was ended by {signal.Signals(-code).name}"
    else:
        why = f"its process ended with {code}: {last_line(said) or 'it said nothing'}"
    try:
        note_death(folder, cell, why, said)
    except InFlightError:
        return "elsewhere"
    return "failed"


@contextmanager
def _workers() -> Iterator[dict[str, _Worker]]:
    """Hold workers, and end those that are left, with all that they began."""
    found: dict[str, _Worker] = {}
    try:
        yield found
    finally:
        for one in found.values():
            _signal(one, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        for one in found.values():
            try:
                one.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(one, signal.SIGKILL)
                one.process.wait()
            one.close()


def _signal(one: _Worker, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(one.process.pid, number)


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _at(worker: _Worker) -> SweepCell:
    if worker.at is None:
        raise ValueError("a worker has left a cell that it was not given")
    return worker.at


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("a worker was started without pipes")
    return stream


def _pipe(stream: IO[bytes] | None) -> int:
    return _stream(stream).fileno()
