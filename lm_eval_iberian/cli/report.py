"""``iberian report``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lm_eval_iberian.cli.options import renamed_models


if TYPE_CHECKING:
    from lm_eval_iberian.report import Report, SweepReport

_RECORDS = "eee"


@click.command("report")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    help="md, csv, latex, json or eee; left out, as --out ends, or md.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write here, not to the terminal."
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
    help="Call a model otherwise; two of one name are one.",
)
@click.option("--keep-going", is_flag=True, help="List files that cannot be used.")
@click.option(
    "--best-by",
    default="mean",
    show_default=True,
    metavar="RULE",
    help="Sweeps: which point is the best. mean: of the two scores; language;"
    " following; keep=0.9: language, among points that keep 90 % of the instructed"
    " model's following.",
)
@click.option(
    "--language-score",
    metavar="NAME",
    help="Sweeps: the score of a language: an average, a benchmark's id or TASK:METRIC,"
    " with {lang} or {LANG} for the language, and =TITLE after it.  [default: {LANG}]",
)
@click.option(
    "--following",
    metavar="NAME",
    help="Sweeps: the score of instruction following.  [default: IFEval {LANG}]",
)
@click.option(
    "--column",
    "columns",
    metavar="NAME",
    multiple=True,
    help="Sweeps: a column of the tables of methods, in the place of the paper's.",
)
@click.option("--swept", default="", metavar="PARAMETER", help="Sweeps: what is swept.")
@click.option(
    "--points",
    type=click.Choice(["best", "all"]),
    default="best",
    show_default=True,
    help="Sweeps: whether the tables have of what is swept the best point, or all.",
)
@click.option(
    "--tables",
    type=click.Choice(["all", "sweep"]),
    default="all",
    show_default=True,
    help="Sweeps: whether the tables of all models follow theirs.",
)
@click.option(
    "--figure-data",
    type=click.Path(path_type=Path),
    help="Sweeps: write the curves here, as .csv or .json.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Sweeps: draw the curves, as .png, .svg or .pdf; needs matplotlib.",
)
@click.option(
    "--evaluator", default="", metavar="NAME",
    help="eee: who ran the evaluations; left out, it is unknown.",
)  # fmt: skip
def command(
    paths: tuple[Path, ...],
    form: str | None,
    out: Path | None,
    shots: int | None,
    template: bool | None,
    renames: tuple[str, ...],
    keep_going: bool,
    best_by: str,
    language_score: str | None,
    following: str | None,
    columns: tuple[str, ...],
    swept: str,
    points: Literal["best", "all"],
    tables: str,
    figure_data: Path | None,
    plot: Path | None,
    evaluator: str,
) -> None:
    """Form the paper's averages of the results that lm-eval wrote under PATHS.

    PATHS are folders, searched to any depth for results_*.json, and files. An average
    is of all its benchmarks or has no value. EusExams is averaged over its items,
    IFEval over its runs. Results on mini sets have a table of their own.

    Of results of one benchmark under different settings one counts, and the others are
    listed: on every item before --limit, the paper's shots (5; IFEval 0), no chat
    template (IFEval: with one), no system instruction, the paper's task, more runs,
    then the newest file. --shots leaves IFEval alone, whose shots are fixed.

    Of the folder of a sweep there are the best weight of each method and language, by
    a rule that stands beside it, the paper's tables of methods (5, 6, 8), and the two
    scores of its Figure 1 against the weight. Cells without a result are named; a
    value of which a run is missing is none.

    eee is Every Eval Ever: a record for each result that counts, and one for each of
    its samples, in a folder as the datastore has it. What others wrote in it is read
    like lm-eval's own.

    \b
    iberian report output/                            tables for the terminal
    iberian report output/ --out table.tex            LaTeX, booktabs
    iberian report output/ --format json              every value, file and setting
    iberian report output/ --format eee --out eee/    records to exchange
    iberian report sweep/ --plot figure1.png --figure-data figure1.csv
    """
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.report import (
        FORMATS,
        BestRule,
        SweepView,
        Wanted,
        build_report,
        find_sweeps,
        format_for,
        load_catalogue,
        notes_with,
        report_sweeps,
        score_name,
        write,
        written,
    )

    form = form or format_for(out)
    if form not in (*FORMATS, _RECORDS):
        raise UnknownNameError("format", form, (*FORMATS, _RECORDS))
    if form == _RECORDS and out is None:
        raise click.UsageError("--format eee writes many files: give --out, a folder")
    names = {"language": language_score, "following": following}
    given = {name: score_name(text) for name, text in names.items() if text}
    view = SweepView(
        BestRule(best_by, **given), tuple(map(score_name, columns)), swept, points,
        alone=tables == "sweep",
    )  # fmt: skip
    renamed = renamed_models(renames)
    sweeps = find_sweeps(paths, load_catalogue(), renamed, keep_going)
    build = partial(
        build_report, wanted=Wanted(shots, template), renamed=renamed,
        keep_going=keep_going, needed=not sweeps,
    )  # fmt: skip
    report = build(paths)
    if form == _RECORDS and out is not None:
        _write_records(report, out, evaluator)
        return
    found = report_sweeps(sweeps, report, view, lambda path: build([path]))
    _figures(found, figure_data, plot, report.inputs)
    if tables == "sweep" and not sweeps:
        raise click.UsageError("--tables sweep: PATHS hold none")
    text = written(report, form, found)
    if out is None:
        click.echo(text, nl=False)
    else:
        write(text, out, report.inputs)
    if out is not None or form in ("csv", "latex"):
        for note in notes_with(report, found):
            about = f"{note.about}: " if note.about else ""
            click.echo(f"{note.kind}: {about}{note.text}", err=True)


def _write_records(report: Report, out: Path, evaluator: str) -> None:
    """Write a report as Every Eval Ever, and say what to do before it is published."""
    from lm_eval_iberian.cards.every_eval_ever import (
        every_eval_ever,
        without_developer,
    )
    from lm_eval_iberian.comparison.comparing import Comparer, subjects_of
    from lm_eval_iberian.terminal import shown

    comparer = Comparer(subjects_of(report), report.catalogue)
    files = every_eval_ever(report, comparer, out, evaluator=evaluator)
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


def _figures(
    sweeps: Sequence[SweepReport],
    data: Path | None,
    plot: Path | None,
    inputs: Iterable[str],
) -> None:
    """Write the data and the picture that are asked for."""
    from lm_eval_iberian.report import figure_data, write
    from lm_eval_iberian.report.weight_plot import draw

    for option, path in (("--figure-data", data), ("--plot", plot)):
        if path is not None and not sweeps:
            raise click.UsageError(f"{option} is for a sweep, and PATHS hold none")
    if plot is not None and len(sweeps) > 1:
        names = ", ".join(str(one.sweep.path) for one in sweeps)
        raise click.UsageError(f"--plot draws one sweep, and PATHS hold {names}")
    if data is not None:
        write(figure_data(sweeps, data), data, inputs)
    if plot is not None:
        write(draw(sweeps[0], plot), plot, inputs)
