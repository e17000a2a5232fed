"""What ``iberian sweep`` shows while cells run: bars in a terminal, else lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click
from rich.live import Live
from rich.progress import TaskID
from rich.text import Text

from lm_eval_iberian.sweep.sweep_driver import Ended, SweepWatch
from lm_eval_iberian.sweep.sweep_time import SweepClock, shown_time
from lm_eval_iberian.terminal import console, one_line, progress, shown


if TYPE_CHECKING:
    from lm_eval_iberian.sweep.sweep_cell import SweepCell
    from lm_eval_iberian.sweep.sweep_folder import SweepFolder


# seconds between two looks at all cells
_LOOK = 5.0
# how a cell stands that nobody is at
_AT_REST = ("done", "failed", "waiting", "lost")


class SweepBars(SweepWatch):
    """A bar for the sweep and a line for each cell; lines alone without a terminal.

    Args:
        sweep: The sweep.
        cells: Those that are asked for.
        wanted: Those of them that are run now.
        slots: How many at a time.
    """

    def __init__(
        self,
        sweep: SweepFolder,
        cells: Sequence[SweepCell],
        wanted: Sequence[SweepCell],
        slots: int,
    ) -> None:
        self._bars = progress()
        self._total, self._ended = len(cells), len(cells) - len(wanted)
        self._all = self._bars.add_task(
            "cells", total=self._total, completed=self._ended
        )
        self._tasks: dict[str, TaskID] = {}
        self._clock, self._slots = SweepClock(sweep), slots
        self._waiting = {cell.id: cell for cell in wanted}
        self._left, self._looked = "", 0.0

    def __enter__(self) -> SweepBars:
        self._bars.start()
        return self

    def __exit__(self, *given: object) -> None:
        self._bars.stop()

    def began(self, cell: SweepCell, slot: str) -> None:
        """Show what runs."""
        name = f"  {one_line(cell.id, 60)}"
        self._tasks[slot] = self._bars.add_task(name, total=None)

    def ended(self, cell: SweepCell, slot: str, how: Ended, seconds: float) -> None:
        """Say how it ended, and how long the others will take."""
        self._bars.remove_task(self._tasks.pop(slot))
        self._ended += 1
        self._waiting.pop(cell.id, None)
        self._look()
        self._bars.update(self._all, advance=1, description=f"cells{self._left}")
        said = {"elsewhere": "run by another process"}.get(how, how)
        line = f"{self._ended}/{self._total} {said}: {cell.id} ({seconds:.1f} s)"
        if self._bars.disable:
            click.echo(shown(f"{line}{self._left}"))
        else:
            self._bars.console.print(shown(line), soft_wrap=True)

    def _look(self) -> None:
        now = time.monotonic()
        if not self._waiting:
            self._left = ""
        elif now - self._looked >= _LOOK:
            self._looked = now
            self._left = _words(self._clock.left(self._waiting.values(), self._slots))


def time_left(sweep: SweepFolder, states: Mapping[str, str]) -> str:
    """Return what is known of the time that cells still take, to follow a count."""
    return _left(sweep, states, SweepClock(sweep))


def watch_states(
    sweep: SweepFolder, read: Callable[[], dict[str, str]], pause: float = 1.0
) -> dict[str, str]:
    """Show how cells stand, again and again, until nobody is at any.

    Args:
        sweep: The sweep.
        read: Gives every cell's state.
        pause: Seconds between two looks.

    Returns:
        The states in the end.
    """
    clock, to, last = SweepClock(sweep), console(), ""
    with Live(console=to, auto_refresh=False, transient=True) as live:
        while True:
            driven = sweep.is_driven()  # before: what it does last is seen as well
            states = read()
            line = _counted(states) + _left(sweep, states, clock)
            if to.is_terminal:
                running = [f"  {n}" for n, one in states.items() if _in_flight(one)]
                text = "\n".join(map(shown, [line, *running]))
                live.update(Text(text), refresh=True)
            elif line != last:
                to.print(shown(line))
                last = line
            if not driven and not any(map(_in_flight, states.values())):
                return states
            time.sleep(pause)


def _in_flight(state: str) -> bool:
    return state not in _AT_REST


def _counted(states: Mapping[str, str]) -> str:
    order = dict.fromkeys(("done", "running", "failed", "waiting", *states.values()))
    found = list(states.values())
    return ", ".join(f"{found.count(state)} {state}" for state in order)


def _left(sweep: SweepFolder, states: Mapping[str, str], clock: SweepClock) -> str:
    rest = [cell for cell in sweep.cells if states[cell.id] not in ("done", "failed")]
    if not rest:
        return ""
    running = sum(_in_flight(state) for state in states.values())
    return _words(clock.left(rest, max(1, running)))


def _words(seconds: float | None) -> str:
    return "" if seconds is None else f", about {shown_time(seconds)} left"
