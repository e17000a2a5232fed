"""How long something takes at best: the machine may be busy with something else."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time


def seconds(run: Callable[[], object], limit: float, tries: int = 4) -> float:
    """Return the least seconds of this process that a call took.

    It is tried again only while it takes longer than ``limit``.
    """
    least = float("inf")
    for _ in range(tries):
        start = process_time()
        run()
        least = min(least, process_time() - start)
        if least < limit:
            break
    return least
