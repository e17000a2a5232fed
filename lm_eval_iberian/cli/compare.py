"""``iberian compare``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lm_eval_iberian.cli.options import renamed_models


if TYPE_CHECKING:
    from lm_eval_iberian.comparison import ComparisonReport
    from lm_eval_iberian.report import Issue

_PAGE = "html"


@click.command("compare")
@click.argument("models", metavar="A B [C]...", nargs=-1, required=True)
@click.option(
    "--baseline",
    default="",
    metavar="NAME",
    help="The model that the others are held against; left out, the first.",
)
@click.option(
    "--format",
    "form",
    help="md, csv, latex, json or html; left out, as --out ends, or md.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write here, not to the terminal."
)
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Compare results under other settings too, and mark them.",
)
@click.option(
    "--benchmarks",
    type=click.Choice(["fixed", "random"]),
    default="fixed",
    show_default=True,
    help="Averages: whether their benchmarks are the ones that matter, or a draw from"
    " more of their kind.",
)
@click.option(
    "--only",
    metavar="NAME",
    multiple=True,
    help="Only this benchmark or average: belebele_eu, EU.",
)
@click.option(
    "--shots", type=click.IntRange(0), help="Only results with so many shots."
)
@click.option(
    "--chat-template/--no-chat-template",
    "template",
    default=None,
    help="Only results with, or without, a chat template.",
)
@click.option(
    "--rename",
    "renames",
    metavar="OLD=NEW",
    multiple=True,
    help="Call a model otherwise; two of one name in a folder are one.",
)
@click.option("--keep-going", is_flag=True, help="List files that cannot be used.")
def command(
    models: tuple[str, ...],
    baseline: str,
    form: str | None,
    out: Path | None,
    allow_mixed: bool,
    benchmarks: Literal["fixed", "random"],
    only: tuple[str, ...],
    shots: int | None,
    template: bool | None,
    renames: tuple[str, ...],
    keep_going: bool,
) -> None:
    """Say which differences between models are more than noise.

    A and B are folders of results that lm-eval wrote, or results files; cells of a
    sweep, or a sweep; or a folder of many models, all of which take part, one of them
    by FOLDER::MODEL. The first is the baseline.

    Where both have samples (evaluate with --log_samples) they are paired item by item,
    by document, and clustered: by passage, by prompt, by segment. Where not, the
    standard errors in the results are taken, and the row is marked. Results under other
    settings are refused.

    \b
    iberian compare out/base out/merged              tables for the terminal
    iberian compare out --baseline org/base          every model of a folder
    iberian compare out::org/base out::org/merged    two of them
    iberian compare sweep --baseline instruct --only ifeval_eu --out table.tex
    iberian compare out/base out/merged --out page.html   to look at, row by row
    """
    from lm_eval_iberian.comparison import (
        CompareOptions,
        Comparer,
        compare_all,
        read_subjects,
    )
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.report import Wanted, format_for, load_catalogue, write
    from lm_eval_iberian.terminal import progress

    writers = _writers()
    form = form or format_for(out)
    if form not in (*writers, _PAGE):
        raise UnknownNameError("format", form, (*writers, _PAGE))
    catalogue = load_catalogue()
    named = read_subjects(
        models, catalogue, baseline=baseline, wanted=Wanted(shots, template),
        renamed=renamed_models(renames), keep_going=keep_going,
    )  # fmt: skip
    options = CompareOptions(
        allow_mixed=allow_mixed, benchmarks=benchmarks, keep_going=keep_going
    )
    comparer = Comparer(named.subjects, catalogue, options)
    with progress() as bars:
        bar = bars.add_task("comparing", total=None)
        report = compare_all(
            comparer, named.baseline, only,
            lambda number, of: bars.update(bar, completed=number, total=of),
        )  # fmt: skip
    text = _page(report, named.issues) if form == _PAGE else writers[form](report)
    if out is None:
        click.echo(text, nl=False)
    else:
        write(text, out, (*named.inputs, *report.inputs))
    for issue in named.issues:
        click.echo(f"{issue.kind}: {issue.text}", err=True)
    if out is not None or form in ("csv", "latex"):
        for note in report.notes:
            click.echo(note.line(), err=True)


def _page(comparison: ComparisonReport, issues: tuple[Issue, ...]) -> str:
    """Return a comparison as a page to look at."""
    from lm_eval_iberian.page import page_text
    from lm_eval_iberian.report import Report

    comparer = comparison.comparer
    models = {name: one.model for name, one in comparer.subjects.items()}
    report = Report(comparer.catalogue, models, issues, comparison.inputs)
    return page_text(comparison, report)


def _writers() -> dict[str, Callable[[ComparisonReport], str]]:
    """Return what writes a comparison, by the format's name."""
    from lm_eval_iberian.comparison import (
        as_comparison_csv,
        as_comparison_json,
        as_comparison_latex,
        as_comparison_markdown,
    )

    return {
        "md": as_comparison_markdown,
        "csv": as_comparison_csv,
        "latex": as_comparison_latex,
        "json": as_comparison_json,
    }
