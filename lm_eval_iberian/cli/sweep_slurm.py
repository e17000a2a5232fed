"""``iberian sweep`` on a cluster: what is submitted, how it stands, and ``cancel``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.slurm_options import check_offline
from lm_eval_iberian.terminal import shown


if TYPE_CHECKING:
    from lm_eval_iberian.sweep.slurm_manifest import SlurmManifest
    from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
    from lm_eval_iberian.sweep.sweep_cell import SweepCell
    from lm_eval_iberian.sweep.sweep_folder import SweepFolder


def submit_missing(
    sweep: SweepFolder,
    folder: Path,
    wanted: Sequence[SweepCell],
    profile: SlurmProfile,
) -> None:
    """Check that cells can run without a network, submit them, and say how to look."""
    from lm_eval_iberian.sweep.slurm_submission import require_submission, submit

    require_submission(sweep)
    check_offline(wanted, sweep.content["settings"])
    made = submit(sweep, wanted, profile)
    for one in made:
        cells = sum(map(len, one.tasks))
        click.echo(f"submitted {len(one.tasks)} jobs of {cells} cells as {one.job}")
    if not made:
        click.echo("every cell that is missing is in flight already")
    place = quote(str(folder))
    click.echo(
        f"look: iberian sweep status {place}; end them: iberian sweep cancel {place}",
        err=True,
    )


def states_and_jobs(
    sweep: SweepFolder, arrays: Sequence[SlurmManifest]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return how every cell stands, and the jobs of those in flight.

    Where SLURM does not answer, that is said, and files alone tell.
    """
    from lm_eval_iberian.sweep.slurm_manifest import cells_in_flight, slurm_state
    from lm_eval_iberian.sweep.slurm_queue import SlurmError

    try:
        flight = cells_in_flight(sweep, arrays)
    except SlurmError as error:
        click.echo(shown(f"what is in flight is not known: {error}"), err=True)
        return {cell.id: sweep.state(cell) for cell in sweep.cells}, {}
    states: dict[str, str] = {
        cell.id: slurm_state(sweep, cell, flight, arrays) for cell in sweep.cells
    }
    jobs = {
        name: {"job": task.job, "state": task.state, "reason": task.reason}
        for name, task in flight.items()
        if states[name] in ("running", "pending")
    }
    return states, jobs


@click.command("cancel")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def cancel(folder: Path) -> None:
    """End what runs of DIR: this machine's run, and the cluster's jobs.

    What has no result yet is begun again by the next run.
    """
    from lm_eval_iberian.sweep.sweep_cancel import cancel_local, cancel_submitted
    from lm_eval_iberian.sweep.sweep_folder import open_sweep

    sweep = open_sweep(folder)
    ended = cancel_local(sweep)
    jobs = cancel_submitted(sweep)
    if ended is not None:
        click.echo(f"the run by process {ended} of this machine was ended")
    if jobs:
        click.echo(f"{jobs} jobs were ended")
    if ended is None and not jobs:
        click.echo("nothing of this sweep runs")
