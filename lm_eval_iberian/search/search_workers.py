"""Races candidates side by side: a process for each GPU, or for each job.

A driver writes ``{"race": NAME, "front": […]}`` or ``{"held_out": NAME}`` to a worker's
standard input, a line for each, and reads ``{"done": NAME}``. What was done is in the
folder: the driver reads it from there, as one does that goes on after a kill.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.candidate_race import Race
from lm_eval_iberian.sweep.sweep_worker import line_to_driver
from lm_eval_iberian.sweep.tethered import tethered


Order = Mapping[str, Any]


def serve_search(make_race: Any) -> None:
    """Do what a driver orders, until it orders no more.

    Args:
        make_race: Returns what races candidates; what it says while it is made goes
            where all else goes.
    """
    with line_to_driver() as (orders, tell):
        race: Race = make_race()
        print(json.dumps({"done": "ready"}), file=tell, flush=True)
        for line in orders:
            order = json.loads(line)
            if "held_out" in order:
                name = order["held_out"]
                race.do_held_out(name)
            else:
                name = order["race"]
                race.run(name, order["front"])
            print(json.dumps({"done": name}), file=tell, flush=True)


class SearchWorkers:
    """Processes that do what is ordered; they die with this one.

    Args:
        command: What starts one.
        slots: A name for each: of a GPU, or a number.
        gpus: Whether they are names of GPUs.
    """

    def __init__(
        self, command: Sequence[str], slots: Sequence[str], gpus: bool
    ) -> None:
        self._command, self._slots, self._gpus = command, slots, gpus
        self._workers: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> SearchWorkers:
        return self

    def __exit__(self, *given: object) -> None:
        for worker in self._workers.values():
            with suppress(BrokenPipeError):
                _pipe(worker.stdin).close()
            if given[0] is not None:
                worker.kill()
            worker.wait()

    def prepare(self) -> None:
        """Start the first, which has the instructed model do its items.

        Raises:
            DataError: It has ended.
        """
        _hear(self._start(self._slots[0]), self._slots[0])

    def do(self, orders: Sequence[Order]) -> None:
        """Have all orders done, in any order.

        Raises:
            DataError: A worker has ended before it was done.
        """
        left: queue.SimpleQueue[Order] = queue.SimpleQueue()
        for order in orders:
            left.put(order)
        # here: a process dies with the thread that started it
        new = [self._start(slot) for slot in self._slots if slot not in self._workers]
        with ThreadPoolExecutor(len(self._slots)) as threads:
            every = [
                threads.submit(self._feed, slot, left, new=worker in new)
                for slot, worker in self._workers.items()
            ]
        for one in every:
            one.result()

    def _feed(self, slot: str, left: queue.SimpleQueue[Order], *, new: bool) -> None:
        worker = self._workers[slot]
        if new:
            _hear(worker, slot)
        while True:
            try:
                order = left.get_nowait()
            except queue.Empty:
                return
            with suppress(BrokenPipeError):  # it says why itself, at its end
                print(json.dumps(dict(order)), file=_pipe(worker.stdin), flush=True)
            _hear(worker, slot)

    def _start(self, slot: str) -> subprocess.Popen[str]:
        ours = {"CUDA_VISIBLE_DEVICES": slot} if self._gpus else {}
        self._workers[slot] = subprocess.Popen(
            tethered(list(self._command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ours,
        )
        return self._workers[slot]


def _hear(worker: subprocess.Popen[str], slot: str) -> None:
    if not _pipe(worker.stdout).readline():
        code = worker.wait()
        raise DataError(
            f"the process of slot {slot} ended with {code}; what it said stands above,"
            " and the same command goes on"
        )


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("a worker was started without pipes")
    return pipe
