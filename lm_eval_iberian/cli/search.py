"""``iberian search``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from lm_eval_iberian.terminal import console, shown


if TYPE_CHECKING:
    from lm_eval_iberian.search.candidate_race import Raced


@click.command("search")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True,
    help="The search's folder, which is made, or gone on with.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only check SPEC.")
def command(spec: Path, out: Path, dry_run: bool) -> None:
    """Search merges that gain a language and keep following instructions.

    SPEC is a YAML file: models, methods with ranges for what they take, the tasks of
    the languages, and those of instructions. Candidates are raced on half of the items,
    and stopped as soon as they are surely behind. What is left is a front, with a
    recipe for each point, evaluated on the other half.

    When this is killed, the same command goes on, and comes to the same.
    """
    from lm_eval_iberian.search.candidate_evaluation import CandidateEvaluation
    from lm_eval_iberian.search.candidate_race import Race
    from lm_eval_iberian.search.front_report import (
        drawn_text,
        front_report,
        report_lines,
        write_report,
    )
    from lm_eval_iberian.search.proposals import Proposals
    from lm_eval_iberian.search.search_folder import SearchFolder
    from lm_eval_iberian.search.search_plan import begin_search, make_search
    from lm_eval_iberian.search.search_rounds import search
    from mergekit_ext.outputs.termination import unwound_by_signals

    plan = make_search(spec, out)
    to = console()
    for sentence in plan.sweep.notes:
        to.print(shown(sentence))
    if dry_run:
        return
    folder = SearchFolder(out)

    def say(one: Raced, values: dict[str, Any]) -> None:
        to.print(shown(f"{one.name} {drawn_text(values)}: {_became(one)}"))

    evaluation = CandidateEvaluation(plan.sweep.cells, plan.sweep.settings, folder.log)
    with unwound_by_signals(), folder.held(), evaluation:
        split = begin_search(plan, folder, evaluation)
        race = Race(plan, folder, split, evaluation)
        proposals = Proposals(plan.space, plan.settings, folder.journal)

        def run(starts: Sequence[tuple[str, list[str]]]) -> list[Raced]:
            return [race.run(name, front) for name, front in starts]

        found = search(plan, race, proposals, run, say)
        report = front_report(plan, race, found, split)
        write_report(plan, folder, report)
    to.print()
    for line in report_lines(report):
        to.print(shown(line))
    to.print(shown(f"recipes: {quote(str(out / 'recipes'))}"))


def _became(one: Raced) -> str:
    if one.standing is None:
        return f"could not be evaluated: {one.failure}"
    gain, instructions = one.point
    text = f"gain {gain:+.1f}, instructions {instructions:+.1f}"
    if one.stop is None:
        return f"{text} on all {one.items.count} items"
    why = f"behind {one.stop.against}" if one.stop.why == "behind" else one.stop.why
    return f"{text} on {one.items.count} items, then stopped: {why}"
