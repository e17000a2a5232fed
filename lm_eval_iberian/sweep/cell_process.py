"""One cell, from the claim on it to its result, or to why there is none."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from lm_eval_iberian.sweep.cell_evaluation import CellError, CellEvaluation, last_line
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import LOG, SweepFolder


_KEPT_LINES = 40
Evaluate = Callable[[SweepCell, Path, Mapping[str, Any]], None]


def run_cell(
    folder: SweepFolder, cell: SweepCell, evaluate: Evaluate | None = None
) -> Literal["there", "done", "failed"]:
    """Give a cell its result, if it has none.

    Args:
        folder: The sweep.
        cell: The cell.
        evaluate: Leaves the result in a folder, its record as the last file; by default
            a ``CellEvaluation`` for this cell alone.

    Returns:
        Whether it had a result, has one now, or failed, which has been written down.

    Raises:
        InFlightError: Another process is at it.
    """
    if evaluate is None:
        with CellEvaluation(folder) as one:
            return run_cell(folder, cell, one)
    if folder.is_done(cell):
        return "there"
    with folder.held(cell):
        if folder.is_done(cell):
            return "there"
        with folder.workplace(cell) as work:
            try:
                evaluate(cell, work, folder.content["settings"])
                folder.publish(cell, work)
            except Exception as error:  # whatever it is, the sweep goes on
                _note(folder, cell, work, error)
                return "failed"
    return "done"


def note_death(folder: SweepFolder, cell: SweepCell, why: str, said: str) -> None:
    """Write down that the process of a cell died before it could say why.

    Args:
        folder: The sweep.
        cell: The cell.
        why: How it ended.
        said: What it printed.
    """
    with folder.held(cell):
        folder.note_error(cell, why, tail(folder.left_log(cell) + said), "")
        folder.clear(cell)


def tail(log: str) -> str:
    """Return the end of a log, of a progress bar the last state."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in log.split("\n")]
    return "\n".join(lines[-_KEPT_LINES:]).strip("\n")


def _note(folder: SweepFolder, cell: SweepCell, work: Path, error: Exception) -> None:
    log, command = "", ""
    if (work / LOG).is_file():
        log = (work / LOG).read_text("utf-8", errors="replace")
    if isinstance(error, CellError):
        why, command = str(error), error.command
    else:
        log += "".join(traceback.format_exception(error))
        why = last_line(log)
    folder.note_error(cell, why, tail(log), command)
