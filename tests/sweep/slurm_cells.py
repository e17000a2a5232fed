"""Cheap cells as a job of the cluster calls them, and what submits such jobs.

``slurm_cells.py cells SECONDS DIR ID …`` is to a job what ``iberian sweep cell`` is.
``slurm_cells.py submit SECONDS DIR`` submits what DIR lacks, one merge to a job, and
with a function's name after it is killed where that would be called.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from cheap_cells import cheap_cell, cheap_evaluation, cheap_sweep

from lm_eval_iberian.sweep import slurm_submission
from lm_eval_iberian.sweep.cell_process import run_cell
from lm_eval_iberian.sweep.slurm_manifest import SlurmManifest
from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
from lm_eval_iberian.sweep.slurm_submission import submit
from lm_eval_iberian.sweep.sweep_driver import to_run
from lm_eval_iberian.sweep.sweep_folder import InFlightError, SweepFolder, open_sweep


def merged_sweep(folder: Path, merges: int, each: int) -> SweepFolder:
    """Return a sweep of cheap cells, some for each merge."""
    sweep = cheap_sweep(folder, ["x--s-eu"])
    cells = [
        cheap_cell(
            f"m{number:02}--s{suite}-eu", recipe={"merge_method": f"m{number:02}"}
        )
        for number in range(merges)
        for suite in range(each)
    ]
    sweep.content["cells"][:] = [cell.as_data() for cell in cells]  # type: ignore[index]
    (folder / "sweep.json").write_text(json.dumps(sweep.content), "utf-8")
    return open_sweep(folder)


def program(seconds: float) -> list[str]:
    return [sys.executable, __file__, "cells", str(seconds)]


def submit_missing(
    sweep: SweepFolder, seconds: float, **more: object
) -> list[SlurmManifest]:
    profile = SlurmProfile(**{"time": 10, "gpus_per_job": 0, **more})  # type: ignore[arg-type]
    wanted = to_run(sweep, sweep.cells, retry_failed=False)
    return submit(sweep, wanted, profile, program(seconds))


def _be_killed(*given: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main(mode: str, seconds: str, folder: str, *names: str) -> int:
    sweep = open_sweep(Path(folder))
    if mode == "submit":
        for name in names:
            setattr(slurm_submission, name, _be_killed)
        submit_missing(sweep, float(seconds))
        return 0
    ends = set()
    for name in names:
        try:
            cell = sweep.cell(name)
            ends.add(run_cell(sweep, cell, cheap_evaluation(float(seconds))))
        except InFlightError:
            ends.add("there")
    return 3 if "failed" in ends else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
