"""A process that runs one cell after another: a list of them, or as a driver says.

A driver writes ``{"cell": ID}`` to its standard input, a line for each, and reads
``{"began": ID}`` and ``{"ended": ID, "how": …}``, or ``{"left": ID}``, from its
standard output. Whatever else is printed goes to the log of the cell, or to the
standard error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Literal

from lm_eval_iberian.sweep.cell_process import Evaluate, run_cell
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import InFlightError, SweepFolder


How = Literal["there", "done", "failed", "elsewhere"]
# whether a cell is to be left to a new process
Fresh = Callable[[SweepCell], bool]


def serve(
    folder: SweepFolder, evaluate: Evaluate, fresh: Fresh = lambda cell: False
) -> None:
    """Run the cells that a driver names, until it names no more or one has failed.

    What a failure leaves behind, on a GPU above all, must not reach the next cell.
    """
    with line_to_driver() as (orders, tell):
        for line in orders:
            cell = folder.cell(json.loads(line)["cell"])
            if fresh(cell):
                print(json.dumps({"left": cell.id}), file=tell, flush=True)
                return
            print(json.dumps({"began": cell.id}), file=tell, flush=True)
            how = _run(folder, cell, evaluate)
            print(json.dumps({"ended": cell.id, "how": how}), file=tell, flush=True)
            if how == "failed":
                return


def run_list(
    folder: SweepFolder,
    cells: Sequence[SweepCell],
    evaluate: Evaluate,
    fresh: Fresh = lambda cell: False,
) -> Iterator[tuple[SweepCell, How]]:
    """Run cells one after another; yield how each ended.

    One that has failed is the last, or one before what is left to a new process.
    """
    for cell in cells:
        if fresh(cell):
            return
        how = _run(folder, cell, evaluate)
        yield cell, how
        if how == "failed":
            return


def _run(folder: SweepFolder, cell: SweepCell, evaluate: Evaluate) -> How:
    try:
        return run_cell(folder, cell, evaluate)
    except InFlightError:
        return "elsewhere"


@contextmanager
def line_to_driver() -> Iterator[tuple[IO[str], IO[str]]]:
    """Give the two ends of the line, which nothing else reads or writes meanwhile."""
    with (
        os.fdopen(os.dup(0), encoding="utf-8") as orders,
        os.fdopen(os.dup(1), "w", encoding="utf-8") as tell,
        open(os.devnull, "rb") as nothing,
    ):
        os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        yield orders, tell
