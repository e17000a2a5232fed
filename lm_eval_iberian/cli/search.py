"""``iberian search``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from lm_eval_iberian.cli.options import local_slots
from lm_eval_iberian.cli.search_slurm import submit_or_report
from lm_eval_iberian.cli.slurm_options import read_given, slurm_options
from lm_eval_iberian.sweep.sweep_driver import IN_FLIGHT
from lm_eval_iberian.terminal import console, shown


if TYPE_CHECKING:
    from lm_eval_iberian.search.candidate_race import Race, Raced
    from lm_eval_iberian.search.front_report import FrontReport
    from lm_eval_iberian.search.item_split import Split
    from lm_eval_iberian.search.search_folder import SearchFolder
    from lm_eval_iberian.search.search_plan import SearchPlan
    from lm_eval_iberian.search.search_workers import SearchWorkers


@click.command("search")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True,
    help="The search's folder, which is made, or gone on with.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only check SPEC.")
@click.option(
    "--gpus", metavar="0,1", help="The GPUs to use, a candidate at a time on each."
)
@click.option(
    "--jobs", type=click.IntRange(1),
    help="Without GPUs: how many candidates at a time; 1.",
)  # fmt: skip
@slurm_options("the search", but=["merges-per-job"])
@click.option("--fed", is_flag=True, hidden=True, help="Orders come over the input.")
@click.option("--shared", is_flag=True, hidden=True, help="Others do the same.")
def command(
    spec: Path,
    out: Path,
    dry_run: bool,
    gpus: str | None,
    jobs: int | None,
    executor: str,
    fed: bool,
    shared: bool,
    **slurm: Any,
) -> None:
    """Search merges that gain a language and keep following instructions.

    SPEC is a YAML file: models, methods with ranges for what they take, the tasks of
    the languages, and those of instructions. Candidates are raced on half of the items,
    and stopped as soon as they are surely behind. What is left is a front, with a
    recipe for each point, evaluated on the other half.

    When this is killed, the same command goes on, and comes to the same.

    With --executor slurm jobs are submitted that share in the search, and this command
    returns; the same command says how they stand, and what came of it in the end. It
    exits with 4 until then.
    """
    from lm_eval_iberian.search.candidate_evaluation import CandidateEvaluation
    from lm_eval_iberian.search.candidate_race import Race
    from lm_eval_iberian.search.search_folder import SearchFolder
    from lm_eval_iberian.search.search_jobs import check_no_jobs
    from lm_eval_iberian.search.search_plan import begin_search, make_search
    from lm_eval_iberian.search.search_workers import SearchWorkers, serve_search
    from lm_eval_iberian.search.shared_search import search_with_others
    from mergekit_ext.outputs.termination import unwound_by_signals

    slots = local_slots("candidates", gpus, jobs)
    profile = read_given(slurm, executor, gpus, jobs)
    plan, folder, to = make_search(spec, out), SearchFolder(out), console()
    evaluation = CandidateEvaluation(plan.sweep.cells, plan.sweep.settings, folder.log)
    if fed:
        with unwound_by_signals(), evaluation:
            serve_search(
                lambda: Race(
                    plan, folder, begin_search(plan, folder, evaluation), evaluation
                )
            )
        return
    for sentence in plan.sweep.notes:
        to.print(shown(sentence))
    if dry_run:
        return
    report: FrontReport | None
    if profile is not None:
        with evaluation:
            report = submit_or_report(spec, plan, folder, evaluation, profile)
        if report is None:
            raise SystemExit(IN_FLIGHT)
        _show(report, out)
        return
    if shared:
        with unwound_by_signals(), evaluation:
            report = search_with_others(plan, folder, evaluation, _say)
        if report is not None:
            _show(report, out)
        return
    with unwound_by_signals(), folder.held(), evaluation:
        check_no_jobs(folder)
        split = begin_search(plan, folder, evaluation)
        if len(slots) == 1 and gpus is None:
            race = Race(plan, folder, split, evaluation)
            report = _searched(plan, folder, split, race, None)
        else:
            own = [
                sys.executable, "-m", "lm_eval_iberian.cli", "search", str(spec),
                "-o", str(out), "--fed",
            ]  # fmt: skip
            with SearchWorkers(own, slots, gpus is not None) as workers:
                workers.prepare()
                race = Race(plan, folder, split)
                report = _searched(plan, folder, split, race, workers)
    _show(report, out)


def _show(report: FrontReport, out: Path) -> None:
    """Print what came of a search."""
    from lm_eval_iberian.search.front_report import report_lines

    to = console()
    to.print()
    for line in report_lines(report):
        to.print(shown(line))
    to.print(shown(f"recipes: {quote(str(out / 'recipes'))}"))


def _say(one: Raced, values: dict[str, Any]) -> None:
    """Print what became of a candidate."""
    from lm_eval_iberian.search.front_report import drawn_text

    console().print(shown(f"{one.name} {drawn_text(values)}: {_became(one)}"))


def _searched(
    plan: SearchPlan,
    folder: SearchFolder,
    split: Split,
    race: Race,
    workers: SearchWorkers | None,
) -> FrontReport:
    """Search, here or by workers, and write what came of it."""
    from lm_eval_iberian.search.front_report import front_report, write_report
    from lm_eval_iberian.search.proposals import Proposals
    from lm_eval_iberian.search.search_folder import INSTRUCT
    from lm_eval_iberian.search.search_rounds import search

    def run(starts: Sequence[tuple[str, list[str]]]) -> list[Raced]:
        if workers is not None:
            workers.do([{"race": name, "front": front} for name, front in starts])
        return [race.run(name, front) for name, front in starts]

    proposals = Proposals(plan.space, plan.settings, folder.journal)
    found = search(plan, race, proposals, run, _say)
    if workers is not None:
        names = dict.fromkeys(
            (INSTRUCT, *(one.name for one in found.front(plan.settings)))
        )
        workers.do([{"held_out": name} for name in names])
    report = front_report(plan, race, found, split)
    write_report(plan, folder, report)
    return report


def _became(one: Raced) -> str:
    if one.standing is None:
        return f"could not be evaluated: {one.failure}"
    gain, instructions = one.point
    text = f"gain {gain:+.1f}, instructions {instructions:+.1f}"
    if one.stop is None:
        return f"{text} on all {one.items.count} items"
    why = f"behind {one.stop.against}" if one.stop.why == "behind" else one.stop.why
    return f"{text} on {one.items.count} items, then stopped: {why}"
