"""How long the rest of a sweep takes, by what the cells that have ended took."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import RECORD, SweepFolder


class SweepClock:
    """How long the rest of a sweep takes, by the records of cells that have ended.

    A record is read once, however often it is asked.

    Args:
        folder: The sweep.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._seconds: dict[str, float] = {}

    def left(self, cells: Iterable[SweepCell], slots: int = 1) -> float | None:
        """Return the seconds until cells have ended; ``None`` before any has.

        A cell takes what those of its suite and language took on average, or all.

        Args:
            cells: Those that are to end.
            slots: How many run at a time.
        """
        kinds: dict[tuple[str, str], list[float]] = {}
        for cell in self._folder.cells:
            if (seconds := self._measured(cell)) is not None:
                kinds.setdefault((cell.suite, cell.group), []).append(seconds)
        every = [seconds for kind in kinds.values() for seconds in kind]
        if not every:
            return None
        means = {kind: sum(one) / len(one) for kind, one in kinds.items()}
        mean = sum(every) / len(every)
        total = sum(
            means.get((cell.suite, cell.group), mean)
            for cell in cells
            if cell.id not in self._seconds
        )
        return total / max(1, slots)

    def _measured(self, cell: SweepCell) -> float | None:
        if cell.id not in self._seconds:
            try:
                record = json.loads(
                    (self._folder.place(cell) / RECORD).read_text("utf-8")
                )
                self._seconds[cell.id] = float(record["seconds"]["all"])
            except (OSError, ValueError, KeyError, TypeError):  # it has not ended
                return None
        return self._seconds[cell.id]


def shown_time(seconds: float) -> str:
    """Return a time as people say it.

    >>> shown_time(8000)
    '2 h 13 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
