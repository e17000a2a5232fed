"""Run jobs in a few threads, those of one lane one after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar


Job = TypeVar("Job")
Result = TypeVar("Result")


def run_lanes(
    jobs: Iterable[Job],
    lane: Callable[[Job], str],
    work: Callable[[Job], Result],
    threads: int,
) -> Iterator[Result]:
    """Yield what ``work`` makes of each job, in the order they are done.

    The threads are daemons: whoever interrupts the program need not wait for them.

    Args:
        jobs: What is to be done.
        lane: Jobs of the same lane never run at the same time.
        work: Must not raise; an exception of it is raised here and ends the run.
        threads: How many jobs run at the same time, at most.
    """
    lanes: dict[str, list[Job]] = {}
    for job in jobs:
        lanes.setdefault(lane(job), []).append(job)
    waiting: queue.SimpleQueue[list[Job]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Result | None, BaseException | None]]
    done = queue.SimpleQueue()
    for one in lanes.values():
        waiting.put(one)

    def drain() -> None:
        while True:
            try:
                mine = waiting.get_nowait()
            except queue.Empty:
                return
            for job in mine:
                try:
                    done.put((work(job), None))
                except BaseException as error:
                    done.put((None, error))
                    return

    for _ in range(min(threads, len(lanes))):
        threading.Thread(target=drain, daemon=True).start()
    for _ in range(sum(map(len, lanes.values()))):
        result, error = done.get()
        if error is not None:
            raise error
        yield result  # type: ignore[misc]
