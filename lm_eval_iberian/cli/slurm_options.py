"""Options of a cluster's jobs, and what is checked before any is submitted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lm_eval_iberian.errors import DataError


if TYPE_CHECKING:
    from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
    from lm_eval_iberian.sweep.sweep_cell import SweepCell


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


def slurm_options(
    what: str, but: Collection[str] = ()
) -> Callable[[_Command], _Command]:
    """Return what adds ``--executor`` and the options of jobs to a command.

    Args:
        what: What is run, or submitted.
        but: Options that mean nothing for it.
    """
    added: list[Callable[[_Command], _Command]] = [
        click.option(
            "--executor", type=click.Choice(["local", "slurm"]), default="local",
            show_default=True,
            help=f"Run {what} here, or as jobs of a cluster.",
        )
    ]  # fmt: skip
    added += [
        click.option(
            f"--{name}", f"slurm_{name.replace('-', '_')}", metavar=name.upper(),
            help=f"With slurm: {text[0].lower()}{text[1:]}",
        )
        for name, text in _HELP.items()
        if name not in but
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

    def add(command: _Command) -> _Command:
        for option in reversed(added):
            command = option(command)
        return command

    return add


def read_given(
    given: Mapping[str, Any], executor: str, gpus: str | None, jobs: int | None
) -> SlurmProfile | None:
    """Return how jobs are asked for; ``None`` for another executor.

    Args:
        given: What ``slurm_options`` added, by parameter.
        executor: The executor.
        gpus: The GPUs of this machine to use.
        jobs: How many to run at a time on it without any.

    Raises:
        click.UsageError: There are options for another.
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
    profile = read_profile(path, named)
    if gpus is not None or jobs is not None:
        raise click.UsageError(
            "--gpus and --jobs are for this machine; with slurm there are"
            " --gpus-per-job and --max-jobs"
        )
    return profile


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


def in_queue(task: dict[str, str] | None) -> str:
    """Return which job has a cell, and why it waits, if it does."""
    if task is None:
        return ""
    why = f", {task['reason']}" if task["reason"] not in ("None", "") else ""
    return f"  job {task['job']} ({task['state'].lower()}{why})"
