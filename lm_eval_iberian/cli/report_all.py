"""``iberian report --all``: tables, pictures, the page and data, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError
from lm_eval_iberian.terminal import progress


if TYPE_CHECKING:
    from lm_eval_iberian.comparison.comparing import (
        CompareOptions,
        Comparer,
        ComparisonReport,
    )
    from lm_eval_iberian.page import DrawnPictures
    from lm_eval_iberian.report import Report, SweepReport


def write_all(
    out: Path,
    paths: Sequence[Path],
    report: Report,
    sweeps: Sequence[SweepReport],
    options: CompareOptions,
    *,
    baseline: str = "",
    evaluator: str = "",
) -> None:
    """Leave all that can be made of results in a folder, whole or not at all.

    Args:
        out: The folder; what an earlier run wrote there makes way.
        paths: Where the results are from.
        report: The results.
        sweeps: The sweeps among them.
        options: How models are compared.
        baseline: The model that the others are held against; empty: it is chosen.
        evaluator: Who ran the evaluations.

    Raises:
        DataError: The folder is not to be had, or samples cannot be used.
        UnknownNameError: There is no such baseline.
    """
    from lm_eval_iberian.cards.every_eval_ever import every_eval_ever
    from lm_eval_iberian.cli.report_folder import whole_folder
    from lm_eval_iberian.page import write_page
    from lm_eval_iberian.report.sweep_report import notes_with
    from mergekit_ext.outputs.termination import unwound_by_signals

    said: list[str] = []
    inputs = [*paths, *map(Path, report.inputs)]
    with unwound_by_signals(), whole_folder(out, inputs) as into, progress() as bars:
        task = bars.add_task("", total=None)

        def tell(text: str, done: int = 0, of: int | None = None) -> None:
            bars.update(task, description=text, completed=done, total=of)

        comparer = comparer_of(report, options)
        tell("comparing models")
        comparison = compared(comparer, baseline, report, said.append)
        tell("tables")
        _write_tables(comparer, report, sweeps, into, tell)
        tell("data")
        _write_data(comparison, report, sweeps, into)
        tell("Every Eval Ever")
        every_eval_ever(report, comparer, into / "every_eval_ever", evaluator=evaluator)
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


def comparer_of(report: Report, options: CompareOptions) -> Comparer:
    """Return who compares the models of a report.

    Raises:
        DataError: None of them has a result.
    """
    from lm_eval_iberian.comparison.comparing import Comparer, subjects_of

    subjects = subjects_of(report)
    if not subjects:
        raise DataError("no model has a result; run the evaluations first")
    return Comparer(subjects, report.catalogue, options)


def compared(
    comparer: Comparer, baseline: str, report: Report, say: Callable[[str], None]
) -> ComparisonReport:
    """Return the comparison of all others with the baseline.

    Args:
        comparer: The models.
        baseline: The one that the others are held against; empty: it is chosen.
        report: Their results.
        say: Told what was chosen, and what is not compared.

    Raises:
        DataError: Settings differ, or samples cannot be used.
        UnknownNameError: There is no such baseline.
    """
    from lm_eval_iberian.comparison.comparing import ComparisonReport, compare_all

    names = comparer.subjects
    if baseline and baseline not in names:
        raise UnknownNameError("model", baseline, names)
    chosen = baseline or _usual_baseline(comparer)
    if len(names) == 1:
        return ComparisonReport(comparer, chosen, (), (), report.inputs)
    if not baseline:
        say(f"the others are held against {chosen}; --baseline NAME takes another")
    found = compare_all(comparer, chosen, leave_out=True)
    for note in found.notes:
        if note.text.startswith("not compared: "):
            say(note.text)
    return found


def _usual_baseline(comparer: Comparer) -> str:
    """Return the instructed model of a sweep, its base, or the first of all models."""
    for role in ("instruct", "base"):
        for name, subject in comparer.subjects.items():
            if subject.about.get("role") == role:
                return name
    return next(iter(comparer.subjects))


def _write_tables(
    comparer: Comparer,
    report: Report,
    sweeps: Sequence[SweepReport],
    into: Path,
    tell: Callable[..., None],
) -> None:
    from lm_eval_iberian.paper_tables import TABLE_FILES, tables_with_intervals

    def column_done(done: int, of: int) -> None:
        tell("tables", done, of)

    tables = tables_with_intervals(report, comparer, sweeps, column_done)
    for name, as_text in TABLE_FILES.items():
        _write_text(into / name, as_text(tables, report, sweeps))


def _write_data(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport],
    into: Path,
) -> None:
    from lm_eval_iberian.comparison.comparison_data import (
        as_comparison_csv,
        as_comparison_json,
    )
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
        from lm_eval_iberian.pictures.all_pictures import draw_all

        drawn = draw_all(
            comparison.comparer,
            report,
            sweeps,
            into,
            baseline="" if sweeps else comparison.baseline,
            on_left_out=without.append,
        )
    except MissingExtraError as error:
        say(f"without pictures: {error}")
        return DrawnPictures((), (str(error),))
    for why in without:
        say(f"a picture is left out: {why}")
    if not drawn:
        say("without pictures: there is nothing to draw")
    return DrawnPictures(tuple(map(embedded, drawn)), tuple(without))


def _write_text(path: Path, text: str) -> None:
    # a lone surrogate in a path has no UTF-8
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
