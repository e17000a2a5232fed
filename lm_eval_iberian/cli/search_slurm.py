"""``iberian search`` on a cluster: what is submitted, and how it stands."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.slurm_options import check_offline, in_queue
from lm_eval_iberian.terminal import counted, shown


if TYPE_CHECKING:
    from lm_eval_iberian.search.candidate_evaluation import CandidateEvaluation
    from lm_eval_iberian.search.front_report import FrontReport
    from lm_eval_iberian.search.search_folder import SearchFolder
    from lm_eval_iberian.search.search_jobs import SearchJobs
    from lm_eval_iberian.search.search_plan import SearchPlan
    from lm_eval_iberian.sweep.slurm_profile import SlurmProfile


def submit_or_report(
    spec: Path,
    plan: SearchPlan,
    folder: SearchFolder,
    evaluation: CandidateEvaluation,
    profile: SlurmProfile,
) -> FrontReport | None:
    """Submit the jobs that a search lacks, and say how it stands.

    Returns:
        What came of it, once it is done; nothing is submitted then.

    Raises:
        IberianError: It cannot be submitted, or cannot go on.
    """
    from lm_eval_iberian.search.front_report import write_report
    from lm_eval_iberian.search.search_jobs import (
        jobs_wanted,
        program_of,
        search_jobs,
        submit_search,
    )
    from lm_eval_iberian.search.search_plan import begin_search
    from lm_eval_iberian.search.shared_search import look_up
    from lm_eval_iberian.sweep.slurm_submission import require_submission

    require_submission(folder)
    with folder.held():
        begin_search(plan, folder, evaluation)
        jobs = search_jobs(folder)
        through, report = look_up(plan, folder)
        if report is not None and not jobs.flight:
            write_report(plan, folder, report)
            return report
        wanted = jobs_wanted(plan.settings, profile) - len(jobs.flight)
        submitted = []
        if wanted > 0 and report is None:
            check_offline(plan.sweep.cells, plan.sweep.settings)
            made = submit_search(
                folder, jobs, wanted, profile, program_of(spec, folder)
            )
            _say_gone(folder, jobs)
            for one in made:
                click.echo(f"submitted {counted(len(one.tasks), 'job')} as {one.job}")
            submitted = [one.job for one in made]
    if jobs.flight:
        click.echo(f"{counted(len(jobs.flight), 'job')} in flight already")
    for task in jobs.flight:
        row = {"job": task.job, "state": task.state, "reason": task.reason}
        click.echo(shown(in_queue(row)))
    if through or jobs.arrays:
        click.echo(f"{through} of {plan.settings.candidates} candidates are through")
    arrays = sorted({*submitted, *(task.array for task in jobs.flight)})
    click.echo(
        f"look: the same command; end them: scancel {' '.join(arrays)}", err=True
    )
    return None


def _say_gone(folder: SearchFolder, jobs: SearchJobs) -> None:
    for sentence in jobs.gone.values():
        click.echo(shown(sentence), err=True)
    if jobs.gone:
        place = quote(str(folder.path / "slurm"))
        click.echo(f"what they printed is in {place}", err=True)
