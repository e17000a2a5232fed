"""What ``iberian report`` makes besides tables: the page, records, figure 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.report_comparison import (
    ComparisonAsked,
    compared,
    comparer_of,
)


if TYPE_CHECKING:
    from lm_eval_iberian.report import Report, SweepReport
    from lm_eval_iberian.report.issue import OnBad


def page_of(
    report: Report, sweeps: Sequence[SweepReport], asked: ComparisonAsked
) -> str:
    """Return a report as a page to look at."""
    from lm_eval_iberian.page import page_text

    comparer = comparer_of(report, asked)
    found = compared(comparer, asked.baseline, report, say_aside)
    return page_text(found, report, sweeps)


def say_aside(sentence: str) -> None:
    """Say a sentence beside what is written."""
    click.echo(sentence, err=True)


def on_bad_samples(keep_going: bool, say: Callable[[str], None]) -> OnBad:
    """Return what is done where samples cannot be used: say so, or refuse them."""
    from lm_eval_iberian.report.issue import raise_it
    from lm_eval_iberian.terminal import shown

    if not keep_going:
        return raise_it
    return lambda error: say(f"a record is without samples: {shown(str(error))}")


def write_records(report: Report, out: Path, evaluator: str, keep_going: bool) -> None:
    """Write a report as Every Eval Ever, and say what to do before it is published."""
    from lm_eval_iberian.cards import (
        without_developer,
        write_every_eval_ever,
    )
    from lm_eval_iberian.comparison import CompareOptions, Comparer, subjects_of
    from lm_eval_iberian.terminal import shown

    options = CompareOptions(keep_going=keep_going)
    comparer = Comparer(subjects_of(report), report.catalogue, options)
    files = write_every_eval_ever(
        report, comparer, out, evaluator=evaluator,
        on_bad=on_bad_samples(keep_going, say_aside),
    )  # fmt: skip
    records = sum(file.suffix == ".json" for file in files)
    samples = len(files) - records
    click.echo(shown(f"{records} records, {samples} with samples, in {out}"), err=True)
    if nobody := without_developer(report):
        named = f"{nobody[0]} and {len(nobody) - 1} more" if nobody[1:] else nobody[0]
        click.echo(
            f"before you publish them: nothing says who made {shown(named)};"
            " --rename NAME=ORG/NAME does",
            err=True,
        )


def write_figures(
    sweeps: Sequence[SweepReport],
    data: Path | None,
    plot: Path | None,
    report: Report,
) -> None:
    """Write the data and the picture that are asked for."""
    from lm_eval_iberian.report import figure_data, write

    for option, path in (("--figure-data", data), ("--plot", plot)):
        if path is not None and not sweeps:
            raise click.UsageError(f"{option} is for a sweep, and PATHS hold none")
    if plot is not None and len(sweeps) > 1:
        names = ", ".join(str(one.sweep.path) for one in sweeps)
        raise click.UsageError(f"--plot draws one sweep, and PATHS hold {names}")
    if data is not None:
        write(figure_data(sweeps, data), data, report.inputs)
    if plot is not None:
        from lm_eval_iberian.comparison import (
            CompareOptions,
            Comparer,
            subjects_of,
        )
        from lm_eval_iberian.pictures import sweep_picture

        # where samples cannot be used, stored errors are as good as before
        options = CompareOptions(keep_going=True)
        comparer = Comparer(subjects_of(report), report.catalogue, options)
        write(sweep_picture(sweeps[0], plot, comparer), plot, report.inputs)
