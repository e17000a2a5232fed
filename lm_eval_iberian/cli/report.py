"""``iberian report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--format", "form", help="md, csv, latex or json; left out, as --out ends, or md."
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
def command(
    paths: tuple[Path, ...],
    form: str | None,
    out: Path | None,
    shots: int | None,
    template: bool | None,
    renames: tuple[str, ...],
    keep_going: bool,
) -> None:
    """Form the paper's averages of the results that lm-eval wrote under PATHS.

    PATHS are folders, searched to any depth for results_*.json, and files. An average
    is of all its benchmarks or has no value. EusExams is averaged over its items,
    IFEval over its runs. Results on mini sets have a table of their own.

    Of results of one benchmark under different settings one counts, and the others are
    listed: on every item before --limit, the paper's shots (5; IFEval 0), no chat
    template (IFEval: with one), no system instruction, the paper's task, more runs,
    then the newest file. --shots leaves IFEval alone, whose shots are fixed.

    \b
    iberian report output/                            tables for the terminal
    iberian report output/ --out table.tex            LaTeX, booktabs
    iberian report output/ --format json              every value, file and setting
    """
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.report import (
        FORMATS,
        Wanted,
        build_report,
        format_for,
        notes_of,
        write,
        written,
    )

    form = form or format_for(out)
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    report = build_report(
        paths,
        wanted=Wanted(shots, template),
        renamed=_renamed(renames),
        keep_going=keep_going,
    )
    text = written(report, form)
    if out is None:
        click.echo(text, nl=False)
    else:
        write(text, out, report.inputs)
    if out is not None or form in ("csv", "latex"):
        for note in notes_of(report):
            about = f"{note.about}: " if note.about else ""
            click.echo(f"{note.kind}: {about}{note.text}", err=True)


def _renamed(renames: tuple[str, ...]) -> dict[str, str]:
    pairs = [rename.partition("=") for rename in renames]
    for (old, sign, new), given in zip(pairs, renames, strict=True):
        if not (old and sign and new):
            raise click.UsageError(f"--rename takes OLD=NEW, found {given!r}")
    return {old: new for old, _, new in pairs}
