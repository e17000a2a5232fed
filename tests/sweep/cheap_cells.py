"""Cells that write a small result of their own instead of evaluating a model.

Run as a program, it is a driver's worker, as ``iberian sweep cell --fed`` is:
``cheap_cells.py DIR SECONDS``. Every start of a cell is a line of ``DIR/starts``.
As ``cheap_cells.py drive DIR JOBS SECONDS`` it is the driver of such cells.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_iberian import __version__
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_driver import drive, to_run
from lm_eval_iberian.sweep.sweep_folder import FORMAT, SweepFolder, open_sweep
from lm_eval_iberian.sweep.sweep_worker import serve
from lm_eval_iberian.sweep.tethered import tethered
from mergekit_ext.outputs.termination import unwound_by_signals


def cheap_cell(name: str, **changes: Any) -> SweepCell:
    data = {
        "id": name, "model": name.partition("--")[0], "role": "merge",
        "languages": ("eu",), "method": "linear", "values": {"weight": "1"},
        "recipe": {"merge_method": "linear"}, "pretrained": "", "merge_seed": None,
        "suite": "s", "group": "eu", "tasks": ("t",), "options": {"seed": "0"},
        "run": 0,
    }  # fmt: skip
    return SweepCell(**{**data, **changes})


def cheap_sweep(folder: Path, names: list[str], **changes: Any) -> SweepFolder:
    content = {
        "format": FORMAT,
        "lm_eval_iberian": __version__,
        "settings": {},
        "cells": [cheap_cell(name, **changes).as_data() for name in names],
    }
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps(content), "utf-8")
    return open_sweep(folder)


def cheap_evaluation(seconds: float) -> Any:
    """Return what works for a while, in a child, and leaves files one by one."""

    def evaluate(cell: SweepCell, work: Path, settings: Mapping[str, Any]) -> None:
        starts = work.parent.parent / "starts"
        with starts.open("a", encoding="utf-8") as file:
            print(cell.id, os.getpid(), file=file, flush=True)
        (work / "log.txt").write_text("$ a program\nit went on\n", "utf-8")
        if "fails" in cell.id:
            raise ValueError(f"{cell.suite} has no such thing")
        if "dies" in cell.id:
            os.abort()
        (work / "results_x.json").write_text(json.dumps({"of": cell.id}), "utf-8")
        sleep = ["/bin/sleep", str(seconds)]
        subprocess.run(tethered(sleep), check=True)
        (work / "record.json").write_text(json.dumps({"cell": cell.id}), "utf-8")

    return evaluate


def worker_command(folder: Path, seconds: float) -> list[str]:
    return [sys.executable, __file__, str(folder), str(seconds)]


def _main(arguments: list[str]) -> None:
    if arguments[0] == "drive":
        folder, jobs, seconds = Path(arguments[1]), int(arguments[2]), arguments[3]
        sweep = open_sweep(folder)
        drive(
            sweep,
            to_run(sweep, sweep.cells, retry_failed=False),
            [str(slot) for slot in range(jobs)],
            worker_command(folder, float(seconds)),
        )
        return
    with unwound_by_signals():
        serve(open_sweep(Path(arguments[0])), cheap_evaluation(float(arguments[1])))


if __name__ == "__main__":
    _main(sys.argv[1:])
