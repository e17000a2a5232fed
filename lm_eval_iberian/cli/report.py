"""``iberian report``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.options import SectionedCommand, options_of, renamed_models
from lm_eval_iberian.cli.report_all import write_all
from lm_eval_iberian.cli.report_comparison import ComparisonAsked
from lm_eval_iberian.cli.report_files import page_of, write_figures, write_records
from lm_eval_iberian.cli.sweep_view import SWEEPS, view_options


if TYPE_CHECKING:
    from lm_eval_iberian.report import SweepView


_RECORDS = "eee"
_PAGE = "html"


_of_results = options_of("Which results")
_of_all = options_of("Everything at once")
_of_sweeps = options_of(SWEEPS)


@click.command("report", cls=SectionedCommand)
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    help="md, csv, latex, json, html or eee; left out, as --out ends, or md.",
)
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    help="Write here, not to the terminal; with --all, a folder.",
)
@_of_results("--shots", type=click.IntRange(0), help="Only results with so many shots.")
@_of_results(
    "--chat-template/--no-chat-template",
    "template",
    default=None,
    help="Only results with, or without, a chat template.",
)
@_of_results(
    "--rename",
    "renames",
    metavar="OLD=NEW",
    multiple=True,
    help="Call a model otherwise; two of one name are one.",
)
@_of_results("--keep-going", is_flag=True, help="List files that cannot be used.")
@_of_all(
    "--all",
    "everything",
    is_flag=True,
    help="Leave tables with intervals, pictures, a page to look at and data in the"
    " folder --out, whole or not at all; what it wrote there before makes way.",
)
@_of_all(
    "--baseline",
    default="",
    metavar="NAME",
    help="The model that the others are held against.  [default: a sweep's instruct or"
    " base, or the first]",
)
@_of_all(
    "--allow-mixed",
    is_flag=True,
    help="Compare results under other settings too, and mark them.",
)
@view_options
@_of_sweeps(
    "--figure-data",
    type=click.Path(path_type=Path),
    help="Write the curves here, as .csv or .json.",
)
@_of_sweeps(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the curves, as .png, .svg or .pdf; needs matplotlib.",
)
@click.option(
    "--evaluator",
    default="",
    metavar="NAME",
    help="eee: who ran the evaluations; left out, it is unknown.",
)
def command(
    paths: tuple[Path, ...],
    form: str | None,
    out: Path | None,
    shots: int | None,
    template: bool | None,
    renames: tuple[str, ...],
    keep_going: bool,
    everything: bool,
    baseline: str,
    allow_mixed: bool,
    view: SweepView,
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
    iberian report output/ --out page.html            a page to look at, row by row
    iberian report output/ --format eee --out eee/    records to exchange
    iberian report sweep/ --plot figure1.png --figure-data figure1.csv
    iberian report sweep/ --all -o report             all of it, in a folder
    """
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.report import (
        FORMATS,
        Wanted,
        build_report,
        find_sweeps,
        format_for,
        load_catalogue,
        notes_with,
        report_sweeps,
        write,
        written,
    )

    if everything:
        folder = _folder_of_all(out, form, figure_data, plot)
    form = form or format_for(None if everything else out)
    if not everything and form != _PAGE and (baseline or allow_mixed):
        raise click.UsageError("--baseline and --allow-mixed are for --all and html")
    if form not in (*FORMATS, _RECORDS, _PAGE):
        raise UnknownNameError("format", form, (*FORMATS, _RECORDS, _PAGE))
    if form == _RECORDS and out is None:
        raise click.UsageError("--format eee writes many files: give --out, a folder")
    renamed = renamed_models(renames)
    sweeps = find_sweeps(paths, load_catalogue(), renamed, keep_going)
    build = partial(
        build_report, wanted=Wanted(shots, template), renamed=renamed,
        keep_going=keep_going, needed=not sweeps,
    )  # fmt: skip
    report = build(paths)
    if form == _RECORDS and out is not None:
        write_records(report, out, evaluator, keep_going)
        return
    found = report_sweeps(sweeps, report, view, lambda path: build([path]))
    if view.alone and not sweeps:
        raise click.UsageError("--tables sweep: PATHS hold none")
    asked = ComparisonAsked(baseline, allow_mixed, keep_going)
    if everything:
        write_all(folder, paths, report, found, asked, evaluator)
        return
    write_figures(found, figure_data, plot, report)
    if form == _PAGE:
        text = page_of(report, found, asked)
    else:
        text = written(report, form, found)
    if out is None:
        click.echo(text, nl=False)
    else:
        write(text, out, report.inputs)
    if out is not None or form in ("csv", "latex"):
        for note in notes_with(report, found):
            click.echo(note.line(), err=True)


def _folder_of_all(
    out: Path | None, form: str | None, data: Path | None, plot: Path | None
) -> Path:
    """Return where everything goes, which is nothing but a folder."""
    if out is None:
        raise click.UsageError("--all leaves a folder: name it, --all -o FOLDER")
    given = {"--format": form, "--figure-data": data, "--plot": plot}
    if told := [name for name, one in given.items() if one is not None]:
        raise click.UsageError(
            f"--all writes every format, figure 1 and its data too; leave {told[0]} out"
        )
    return out
