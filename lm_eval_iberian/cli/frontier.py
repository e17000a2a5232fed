"""``iberian frontier``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from lm_eval_iberian.frontier import FrontierReport


@click.command("frontier")
@click.argument(
    "sweeps",
    type=click.Path(path_type=Path),
    nargs=-1,
    required=True,
    metavar="SWEEP...",
)
@click.option(
    "--at",
    type=float,
    multiple=True,
    metavar="GAIN",
    help="A gain of the language, in per cent of the expert's.  [default: 25, 50, 75]",
)
@click.option(
    "--language-score",
    metavar="NAME",
    help="The score of a language: an average, a benchmark's id or TASK:METRIC, with"
    " {lang} or {LANG} for the language, and =TITLE after it.  [default: {LANG}]",
)
@click.option(
    "--following",
    metavar="NAME",
    help="The score of instruction following.  [default: IFEval {LANG}]",
)
@click.option("--swept", default="", metavar="PARAMETER", help="What is swept.")
@click.option(
    "--baseline",
    default="",
    metavar="METHOD",
    help="The method that all others are held against; left out, every two are"
    " compared.",
)
@click.option("--only", multiple=True, metavar="METHOD", help="Only these methods.")
@click.option(
    "--format",
    "form",
    help="md, csv, latex or json; left out, as --out ends, or md.",
)
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    help="Write here, not to the terminal.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the curves, as .svg, .png or .pdf; needs matplotlib.",
)
@click.option(
    "--allow-mixed", is_flag=True, help="Compare results under other settings too."
)
@click.option(
    "--keep-going", is_flag=True, help="Draw curves without points that have no result."
)
def command(
    sweeps: tuple[Path, ...],
    at: tuple[float, ...],
    language_score: str | None,
    following: str | None,
    swept: str,
    baseline: str,
    only: tuple[str, ...],
    form: str | None,
    out: Path | None,
    plot: Path | None,
    allow_mixed: bool,
    keep_going: bool,
) -> None:
    """Compare merge methods where they gain the same of a language.

    Each method's curve over its weights is read where the language has gained 25, 50
    and 75 % of what the expert gains, and the instructions followed there are compared,
    with intervals by drawing items: the same draw for every point and method. What a
    curve does not reach is not told. At equal weights methods are at different places
    of the same trade-off, and nothing is compared there.

    Several sweeps of the same recipes over models of other seeds are runs: their mean
    is told, and what seeds differ in is in the interval. The samples of all results are
    needed (evaluate with --log_samples, as sweeps do).

    \b
    iberian frontier sweep/                                 every two methods
    iberian frontier sweep/ --baseline task_arithmetic --at 50
    iberian frontier seed1/sweep seed2/sweep seed3/sweep --plot frontier.svg
    iberian frontier sweep/ --out table.tex --plot frontier.png
    """
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.frontier import FrontierAsked, compare_methods, read_frontier
    from lm_eval_iberian.frontier.frontier_text import notes_of_frontier
    from lm_eval_iberian.report import format_for, score_name, write
    from lm_eval_iberian.terminal import progress

    writers = _writers()
    form = form or format_for(out)
    if form not in writers:
        raise UnknownNameError("format", form, writers)
    if plot is not None:
        from lm_eval_iberian.pictures.picture_files import picture_form

        picture_form(plot)
    given = {"language": language_score, "following": following}
    names = {name: score_name(text) for name, text in given.items() if text}
    more = {"at": at} if at else {}
    asked = FrontierAsked(
        swept=swept, baseline=baseline, only=only, allow_mixed=allow_mixed,
        keep_going=keep_going, **names, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    read = read_frontier(sweeps, asked)
    with progress() as bars:
        bar = bars.add_task("comparing", total=None)
        report = compare_methods(
            read,
            lambda number, of: bars.update(bar, completed=number, total=of),
            drawn=plot is not None,
        )
    if plot is not None:
        from lm_eval_iberian.pictures import frontier_picture

        write(frontier_picture(report, plot), plot, read.inputs)
    text = writers[form](report)
    if out is None:
        click.echo(text, nl=False)
    else:
        write(text, out, read.inputs)
    if out is not None or form in ("csv", "latex"):
        for note in notes_of_frontier(report):
            click.echo(note.line(), err=True)


def _writers() -> dict[str, Callable[[FrontierReport], str]]:
    """Return what writes the comparison, by the format's name."""
    from lm_eval_iberian.frontier import (
        as_frontier_csv,
        as_frontier_json,
        as_frontier_latex,
        as_frontier_markdown,
    )

    return {
        "md": as_frontier_markdown,
        "csv": as_frontier_csv,
        "latex": as_frontier_latex,
        "json": as_frontier_json,
    }
