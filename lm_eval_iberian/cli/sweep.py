"""``iberian sweep``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from lm_eval_iberian.cli.options import local_slots
from lm_eval_iberian.cli.slurm_options import in_queue, read_given, slurm_options
from lm_eval_iberian.cli.sweep_display import SweepBars, time_left, watch_states
from lm_eval_iberian.cli.sweep_slurm import cancel, states_and_jobs, submit_missing
from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.sweep.sweep_driver import IN_FLIGHT
from lm_eval_iberian.terminal import console, counted, first_of, shown


if TYPE_CHECKING:
    from lm_eval_iberian.sweep.sweep_cell import SweepCell
    from lm_eval_iberian.sweep.sweep_folder import SweepFolder


_SOME_FAILED = 3
_LISTED = 5
_QUEUE_PAUSE = 10.0


class _WrongUseError(click.ClickException):
    exit_code = 2


class _NotAloneError(click.ClickException):
    exit_code = IN_FLIGHT


class _Steps(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        from lm_eval_iberian.sweep.sweep_folder import InFlightError

        try:
            return super().invoke(ctx)
        except InFlightError as error:
            raise _NotAloneError(str(error)) from error
        except IberianError as error:
            raise _WrongUseError(str(error)) from error


@click.group("sweep", cls=_Steps)
def command() -> None:
    """Merge and evaluate by the hundred, on one machine or a cluster.

    \b
    iberian sweep plan sweep.yaml -o sweep/     check everything, write the cells
    iberian sweep run sweep/ --gpus 0,1         run what has no result yet
    iberian sweep run sweep/ --executor slurm --time 4:00:00     or submit it
    iberian report sweep/

    Exits with 0 when every cell has its result, 2 for a wrong use, 3 when some failed,
    4 when some are in flight or not begun.
    """


_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_only = click.option(
    "--only", multiple=True, metavar="KEY=VALUE",
    help="Only cells with this method, language, suite, weight …; may be repeated.",
)  # fmt: skip


@command.command("plan")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True,
    help="The sweep's folder, which is made.",
)  # fmt: skip
def plan(spec: Path, out: Path) -> None:
    """Check SPEC, a YAML file, and write its cells into a folder.

    Names, values, recipes, tasks and models that are here are checked; no weights are
    read and nothing is fetched. A folder of another sweep is left alone.
    """
    from lm_eval_iberian.sweep.sweep_plan import make_plan, write_plan

    found = make_plan(spec, out)
    folder = write_plan(found, out)
    to = console()
    suites = len({(cell.suite, cell.group) for cell in found.cells})
    models = len({cell.model for cell in found.cells})
    to.print(
        shown(
            f"{len(found.cells)} cells: {models} models, of which {found.merges} are"
            f" merges, on {suites} sets of tasks"
        )
    )
    for sentence in (*found.needs, *found.notes):
        to.print(shown(sentence))
    to.print(shown(f"run them: iberian sweep run {quote(str(folder.path))}"))


@command.command("run")
@_folder
@_only
@click.option("--retry-failed", is_flag=True, help="Run cells again that have failed.")
@click.option("--dry-run", is_flag=True, help="Only list the cells that would run.")
@click.option(
    "--gpus", metavar="0,1", help="The GPUs to use, a cell at a time on each."
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Without GPUs: how many cells at a time; 1."
)
@slurm_options("cells")
def run(
    folder: Path,
    only: tuple[str, ...],
    retry_failed: bool,
    dry_run: bool,
    gpus: str | None,
    jobs: int | None,
    executor: str,
    **slurm: Any,
) -> None:
    """Run the cells of DIR that have no result yet.

    A process for each GPU, or job, runs one cell after another, those of one merge
    together. One that fails is written down, and the others go on. When this command is
    killed, so is what runs; the same command again does only what is missing.

    With --executor slurm the cells are submitted as an array of jobs, those of a merge
    together, and this command returns: `iberian sweep status` says how they stand.
    """
    from lm_eval_iberian.sweep.slurm_manifest import cells_in_flight
    from lm_eval_iberian.sweep.sweep_cell import chosen
    from lm_eval_iberian.sweep.sweep_driver import drive, to_run
    from lm_eval_iberian.sweep.sweep_folder import open_sweep
    from lm_eval_iberian.sweep.sweep_memory import check_sweep_memory, sweep_memory
    from mergekit_ext.outputs.termination import unwound_by_signals

    slots = local_slots("cells", gpus, jobs)
    profile = read_given(slurm, executor, gpus, jobs)
    sweep = open_sweep(folder)
    cells = chosen(sweep.cells, only)
    flight = cells_in_flight(sweep)
    wanted = [
        cell
        for cell in to_run(sweep, cells, retry_failed=retry_failed)
        if cell.id not in flight
    ]
    if dry_run:
        for cell in wanted:
            click.echo(shown(cell.id))
        click.echo(f"{len(wanted)} of {len(cells)} cells would run", err=True)
        return
    if profile is not None:
        if wanted:
            submit_missing(sweep, folder, wanted, profile)
        _finish(sweep, cells)
        return
    if wanted:
        memory = sweep_memory(wanted, sweep.content["settings"])
        check_sweep_memory(memory, len(slots), total=False)
    bars = SweepBars(sweep, cells, wanted, len(slots))
    with unwound_by_signals(), bars as watch:
        drive(
            sweep, wanted, slots, _cell_command(folder, "--fed"),
            gpus=gpus is not None, watch=watch,
        )  # fmt: skip
    _finish(sweep, cells)


def _cell_command(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "lm_eval_iberian.cli", "sweep", "cell",
        os.path.abspath(folder), *more,
    ]  # fmt: skip


def _finish(sweep: SweepFolder, cells: list[SweepCell]) -> None:
    """Say how cells stand, and exit accordingly."""
    states = [sweep.state(cell) for cell in cells]
    failed, done = states.count("failed"), states.count("done")
    click.echo(f"{done} of {len(cells)} cells done, {failed} failed")
    if failed:
        where = quote(str(sweep.path))
        click.echo(
            f"why: iberian sweep errors {where}; again: iberian sweep run {where}"
            " --retry-failed",
            err=True,
        )
    _exit(failed, done, len(cells))


def _exit(failed: int, done: int, total: int) -> None:
    if failed + done < total:
        raise SystemExit(IN_FLIGHT)
    if failed:
        raise SystemExit(_SOME_FAILED)


@command.command("status")
@_folder
@click.option("--json", "as_json", is_flag=True, help="Every cell, as JSON.")
@click.option("--watch", is_flag=True, help="Until nothing is in flight.")
def status(folder: Path, as_json: bool, watch: bool) -> None:
    """Say how the cells of DIR stand, by its files and the cluster's queue.

    Lost are cells whose job has gone without a result or an error; the next run begins
    them again.
    """
    from lm_eval_iberian.sweep.slurm_manifest import SLURM_STATES, manifests
    from lm_eval_iberian.sweep.sweep_folder import STATES, open_sweep

    if watch and as_json:
        raise click.UsageError("--watch shows, and --json is read; give one of them")
    sweep = open_sweep(folder)
    if watch:
        # a cluster's queue is everybody's
        pause = _QUEUE_PAUSE if manifests(sweep) else 1.0
        watch_states(sweep, lambda: states_and_jobs(sweep, manifests(sweep))[0], pause)
    arrays = manifests(sweep)
    states, jobs = states_and_jobs(sweep, arrays)
    known = SLURM_STATES if arrays else STATES
    counts = {state: list(states.values()).count(state) for state in known}
    if as_json:
        queue = {"jobs": jobs} if arrays else {}
        click.echo(json.dumps({"counts": counts, "cells": states} | queue, indent=1))
    else:
        for state, count in counts.items():
            names = [name for name, found in states.items() if found == state]
            click.echo(f"{state:8} {count}")
            for name in names if state not in ("done", "waiting") else ():
                click.echo(shown(f"  {name}{in_queue(jobs.get(name))}"))
        if left := time_left(sweep, states):
            click.echo(left.removeprefix(", "))
    _exit(counts["failed"], counts["done"], len(states))


@command.command("errors")
@_folder
def errors(folder: Path) -> None:
    """Say why cells of DIR failed: each reason once, and what repeats one."""
    from lm_eval_iberian.sweep.sweep_folder import open_sweep

    sweep = open_sweep(folder)
    groups: dict[str, list[dict[str, Any]]] = {}
    for cell in sweep.cells:
        if sweep.state(cell) == "failed" and (error := sweep.error(cell)):
            groups.setdefault(error["error"], []).append(error)
    to = console()
    for number, (text, found) in enumerate(
        sorted(groups.items(), key=lambda group: -len(group[1]))
    ):
        if number:
            to.print()
        to.print(shown(f"{counted(len(found), 'cell')}: {text}"))
        names = [error["cell"] for error in found]
        to.print(shown(f"  {first_of(names, _LISTED)}"))
        for line in found[0]["log"].splitlines():
            to.print(shown(f"  | {line}"))
        place = quote(str(sweep.path))
        to.print(shown(f"  again: iberian sweep cell {place} {quote(names[0])}"))
        if found[0]["command"]:
            to.print(shown(f"  it ran: {found[0]['command']}"))
    if not groups:
        to.print("no cell has failed")
        return
    raise SystemExit(_SOME_FAILED)


@command.command("cell")
@_folder
@click.argument("jobs", metavar="JOB …", nargs=-1)
@click.option("--fed", is_flag=True, hidden=True, help="Cells come over the input.")
@click.option("--skip", type=int, default=0, hidden=True, help="So many were run.")
def cell(folder: Path, jobs: tuple[str, ...], fed: bool, skip: int) -> None:
    """Run cells, JOB, of DIR that have no result: what any scheduler calls.

    Cells of one merge that follow each other are evaluated on one merge. After one that
    failed, a new process goes on with the others.
    """
    from lm_eval_iberian.sweep.cell_evaluation import CellEvaluation, CellStopped
    from lm_eval_iberian.sweep.sweep_folder import InFlightError, open_sweep
    from lm_eval_iberian.sweep.sweep_worker import run_list, serve
    from mergekit_ext.outputs.termination import unwound_by_signals

    if not (jobs or fed):
        raise click.UsageError("Missing argument 'JOB …'.")
    sweep = open_sweep(folder.absolute())
    cells = [sweep.cell(job) for job in jobs]
    sweep.clear_scratch()
    done = skip
    try:
        with unwound_by_signals(), CellEvaluation(sweep) as evaluate:
            if fed:
                serve(sweep, evaluate, evaluate.needs_fresh)
                return
            rest = run_list(sweep, cells[skip:], evaluate, evaluate.needs_fresh)
            for one, how in rest:
                _tell(sweep, one, how)
                done += 1
    except CellStopped as error:
        raise click.ClickException(f"{' '.join(jobs[done:])} was stopped") from error
    if done < len(cells):  # what was left behind must not reach the others
        sys.stdout.flush()
        command = _cell_command(folder, *jobs, "--skip", str(done))
        os.execv(command[0], command)  # noqa: S606 (a program and its arguments, no shell)
    states = [sweep.state(one) for one in cells]
    if len(cells) == 1 and states == ["running"]:
        raise InFlightError(f"{jobs[0]} is being worked on by another process")
    _exit(states.count("failed"), states.count("done"), len(cells))


def _tell(sweep: SweepFolder, one: SweepCell, how: str) -> None:
    """Say how a cell ended."""
    if how == "failed":
        said = sweep.error(one) or {}
        click.echo(shown(f"{one.id} failed: {said.get('error', '')}"), err=True)
        return
    words = {
        "there": "its result is there",
        "elsewhere": "another process is at it",
    }
    click.echo(shown(f"{one.id}: {words.get(how, how)}"))


command.add_command(cancel)
