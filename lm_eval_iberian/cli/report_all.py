"""``iberian report --all``: tables, pictures, the page and data, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.report_comparison import (
    ComparisonAsked,
    compared,
    comparer_of,
)
from lm_eval_iberian.cli.report_files import on_bad_samples
from lm_eval_iberian.errors import MissingExtraError
from lm_eval_iberian.terminal import progress


if TYPE_CHECKING:
    from lm_eval_iberian.comparison import Comparer, ComparisonReport
    from lm_eval_iberian.page import DrawnPictures
    from lm_eval_iberian.report import Report, SweepReport


def write_all(
    out: Path,
    paths: Sequence[Path],
    report: Report,
    sweeps: Sequence[SweepReport],
    asked: ComparisonAsked,
    evaluator: str = "",
) -> None:
    """Leave all that can be made of results in a folder, whole or not at all.

    Args:
        out: The folder; what an earlier run wrote there makes way.
        paths: Where the results are from.
        report: The results.
        sweeps: The sweeps among them.
        asked: How models are to be compared.
        evaluator: Who ran the evaluations.

    Raises:
        DataError: The folder is not to be had, or samples cannot be used.
        UnknownNameError: There is no such baseline.
    """
    from lm_eval_iberian.cards import write_every_eval_ever
    from lm_eval_iberian.cli.whole_folder import whole_folder
    from lm_eval_iberian.page import write_page
    from lm_eval_iberian.report import notes_with
    from mergekit_ext.outputs.termination import unwound_by_signals

    said: list[str] = []
    inputs = [*paths, *map(Path, report.inputs)]
    with unwound_by_signals(), whole_folder(out, inputs) as into, progress() as bars:
        task = bars.add_task("", total=None)

        def tell(text: str, done: int = 0, of: int | None = None) -> None:
            bars.update(task, description=text, completed=done, total=of)

        comparer = comparer_of(report, asked)
        tell("comparing models")
        done = partial(tell, "comparing models")
        comparison = compared(comparer, asked.baseline, report, said.append, done)
        tell("tables")
        _write_tables(comparer, report, sweeps, into, tell)
        tell("data")
        _write_data(comparison, report, sweeps, into)
        tell("Every Eval Ever")
        write_every_eval_ever(
            report, comparer, into / "every_eval_ever", evaluator=evaluator,
            on_bad=on_bad_samples(asked.keep_going, said.append),
        )  # fmt: skip
        tell("pictures")
        drawn = _draw(comparison, report, sweeps, into / "pictures", said.append)
        tell("page")
        write_page(comparison, report, sweeps, into / "index.html", drawn)
        tell("putting it in place")
        count = sum(path.is_file() for path in into.rglob("*"))
    for sentence in said:
        click.echo(sentence, err=True)
    notes = sum(1 for _ in notes_with(report, sweeps))
    told = f", {notes} notes in {out / 'tables.md'}" if notes else ""
    click.echo(f"{count} files; open {out / 'index.html'}{told}")


def _write_tables(
    comparer: Comparer,
    report: Report,
    sweeps: Sequence[SweepReport],
    into: Path,
    tell: Callable[..., None],
) -> None:
    from lm_eval_iberian.paper_tables import TABLE_FILES, tables_with_intervals

    columns = partial(tell, "tables")
    tables = tables_with_intervals(report, comparer, sweeps, columns)
    for name, as_text in TABLE_FILES.items():
        _write_text(into / name, as_text(tables, report, sweeps))


def _write_data(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport],
    into: Path,
) -> None:
    from lm_eval_iberian.comparison import as_comparison_csv, as_comparison_json
    from lm_eval_iberian.report import figure_data, written

    _write_text(into / "report.json", written(report, "json", sweeps))
    _write_text(into / "comparisons.json", as_comparison_json(comparison))
    if comparison.rows:
        _write_text(into / "comparisons.csv", as_comparison_csv(comparison))
    if sweeps:
        figure = into / "figure1.csv"
        _write_text(figure, figure_data(sweeps, figure))


def _draw(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport],
    into: Path,
    say: Callable[[str], None],
) -> DrawnPictures:
    """Draw what the data allow, and say what they do not."""
    from lm_eval_iberian.page import DrawnPictures, embedded

    without: list[str] = []
    try:
        from lm_eval_iberian.pictures import draw_all

        drawn = draw_all(
            comparison.comparer,
            report,
            sweeps,
            into,
            baseline=comparison.baseline,
            on_left_out=without.append,
        )
    except MissingExtraError as error:
        say(f"without pictures: {error}")
        return DrawnPictures((), (str(error),))
    for why in without:
        say(f"a picture is left out: {why}")
    return DrawnPictures(tuple(map(embedded, drawn)), tuple(without))


def _write_text(path: Path, text: str) -> None:
    # a lone surrogate in a path has no UTF-8
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
