"""``iberian sweep`` on a cluster: options of jobs, their states, and ``cancel``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.terminal import shown


if TYPE_CHECKING:
    from lm_eval_iberian.sweep.slurm_manifest import SlurmManifest
    from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
    from lm_eval_iberian.sweep.sweep_cell import SweepCell
    from lm_eval_iberian.sweep.sweep_folder import SweepFolder


_Command = TypeVar("_Command", bound=Callable[..., Any])
_HELP = {
    "account": "Who pays.",
    "qos": "The quality of service.",
    "partition": "The partition.",
    "time": "The longest that a job may take, as 4:00:00 or 1-12:00:00.",
    "gpus-per-job": "How many GPUs a job has; 1, or 0 for none.",
    "cpus-per-gpu": "How many cores for each GPU.",
    "merges-per-job": "How many models a job evaluates, one after the other; 1.",
    "max-jobs": "How many jobs may run at once.",
}


def slurm_options(command: _Command) -> _Command:
    """Add the options of a cluster's jobs, named ``slurm_…``, to a command."""
    added: list[Callable[[_Command], _Command]] = [
        click.option(
            f"--{name}", f"slurm_{name.replace('-', '_')}", metavar=name.upper(),
            help=f"With slurm: {text[0].lower()}{text[1:]}",
        )
        for name, text in _HELP.items()
    ]  # fmt: skip
    added += [
        click.option(
            "--sbatch", "slurm_sbatch", metavar="KEY=VALUE", multiple=True,
            help="With slurm: another option of sbatch; may be repeated.",
        ),
        click.option(
            "--setup", "slurm_setup", metavar="LINE", multiple=True,
            help="With slurm: a line of shell before each job, as 'module load cuda';"
            " may be repeated.",
        ),
        click.option(
            "--profile", "slurm_profile", type=click.Path(path_type=Path),
            help="With slurm: a YAML or TOML file of these options; the command line"
            " wins.",
        ),
    ]  # fmt: skip
    for option in reversed(added):
        command = option(command)
    return command


def read_given(given: Mapping[str, Any], executor: str) -> SlurmProfile | None:
    """Return how jobs are asked for; ``None`` for another executor.

    Args:
        given: What ``slurm_options`` added, by parameter.
        executor: The executor.

    Raises:
        click.UsageError: There are such options for another.
        DataError: A value cannot be.
    """
    from lm_eval_iberian.sweep.slurm_profile import read_profile

    named = {
        key.removeprefix("slurm_").replace("_", "-"): value
        for key, value in given.items()
        if value not in (None, ())
    }
    if executor != "slurm":
        if named:
            raise click.UsageError(f"--{min(named)} is for --executor slurm")
        return None
    path = named.pop("profile", None)
    return read_profile(path, named)


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


def check_offline(cells: Sequence[SweepCell], settings: Mapping[str, Any]) -> None:
    """Check, as ``iberian doctor`` does, that data and models are in the cache.

    Raises:
        DataError: Something is missing, and what fetches it.
    """
    from lm_eval_iberian.suites.checkup import Checked, check_up, fetch_command
    from lm_eval_iberian.sweep.planned_models import check_present
    from lm_eval_iberian.terminal import counted, progress

    check_present(cells)
    include = [Path(settings["include_path"])] if settings["include_path"] else []
    by_shots: dict[int | None, list[str]] = {}
    for cell in cells:
        by_shots.setdefault(cell.options.get("num_fewshot"), []).extend(cell.tasks)
    missing: list[Checked] = []
    with progress() as bars:
        bar = bars.add_task("checking the tasks without a network", total=None)
        for shots, tasks in by_shots.items():
            names = list(dict.fromkeys(tasks))
            for fact in check_up(names, include_path=include, shots=shots):
                if isinstance(fact, Checked):
                    bars.advance(bar)
                    missing += [fact] if fact.why else []
    if not missing:
        return
    text = (
        f"nodes have no network, as a rule, and {missing[0].task} would not run"
        f" without one: {missing[0].why}"
    )
    if len(missing) > 1:
        every = fetch_command(list(dict.fromkeys(m.task for m in missing)), include)
        text += f"; nor would {counted(len(missing) - 1, 'other')}: `{every}`"
    raise DataError(text)


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


def in_queue(task: dict[str, str] | None) -> str:
    """Return which job has a cell, and why it waits, if it does."""
    if task is None:
        return ""
    why = f", {task['reason']}" if task["reason"] not in ("None", "") else ""
    return f"  job {task['job']} ({task['state'].lower()}{why})"


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
