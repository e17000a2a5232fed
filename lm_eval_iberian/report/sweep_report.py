"""What a sweep comes to: the best points, the tables, the data of its curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lm_eval_iberian.report.best_weight import BestPoint, BestRule, best_point
from lm_eval_iberian.report.method_tables import best_table, method_tables
from lm_eval_iberian.report.model_report import Note, Report, notes_of
from lm_eval_iberian.report.sweep_results import SweepResults, SweptModel
from lm_eval_iberian.report.sweep_scores import Score, ScoreName, SweepScores
from lm_eval_iberian.report.swept_series import SweptSeries, series_of
from lm_eval_iberian.report.table_entries import Table
from lm_eval_iberian.report.tables import MARKED
from lm_eval_iberian.terminal import first_of


_NAMED = 12


@dataclass(frozen=True)
class SweepView:
    """How a sweep is to be reported.

    Args:
        rule: How the best point is told, and by which scores.
        columns: Of the tables of methods; left out, the paper's.
        swept: The parameter that is swept; left out, it is found.
        points: Whether the tables have of what is swept the best point, or all.
        alone: Whether those of all models are left out, with their notes but for what
            a mark in a table refers to.
    """

    rule: BestRule = field(default_factory=BestRule)
    columns: tuple[ScoreName, ...] = ()
    swept: str = ""
    points: Literal["best", "all"] = "best"
    alone: bool = False


@dataclass(frozen=True)
class CurvePoint:
    """A merge or a baseline in a language, with the two scores of the curves.

    Args:
        lang: The language.
        model: The merge or baseline.
        series: What it is a point of; ``None`` for a baseline.
        value: Its value; ``None`` for a baseline.
        language: The score of its language.
        following: The score of instruction following.
    """

    lang: str
    model: SweptModel
    series: SweptSeries | None
    value: float | None
    language: Score
    following: Score


@dataclass(frozen=True)
class SweepReport:
    """A sweep, reported.

    Args:
        sweep: The sweep.
        view: How it was asked for.
        best: The best points.
        curves: Every point, and every baseline.
        tables: The tables.
        notes: What a reader must know.
    """

    sweep: SweepResults
    view: SweepView
    best: tuple[BestPoint, ...]
    curves: tuple[CurvePoint, ...]
    tables: tuple[Table, ...]
    notes: tuple[Note, ...]


def report_sweep(
    sweep: SweepResults, report: Report, view: SweepView | None = None
) -> SweepReport:
    """Return what a sweep comes to.

    Args:
        sweep: The sweep.
        report: The averages of its results, of no other's.
        view: How it is to be reported; left out, by the paper's scores.

    Raises:
        UnknownNameError: A score or parameter does not exist.
        DataError: The rule for the best point has no sense for the scores.
    """
    view = view or SweepView()
    scores = SweepScores(sweep, report)
    series = series_of(sweep.merges, view.swept)
    tried = [
        best_point(one, lang, view.rule, scores)
        for lang in sweep.languages
        for one in series
        if one.swept and lang in one.languages
    ]
    # where nothing can be compared at all, there is nothing to say of each
    best = tried if any(one.compared for one in tried) else []
    stand_for = best if view.points == "best" else []
    tables = [
        *best_table(best, view.rule),
        *method_tables(sweep, series, stand_for, scores, view.columns),
    ]
    return SweepReport(
        sweep, view, tuple(best), tuple(_curves(sweep, series, view.rule, scores)),
        tuple(tables), tuple(_notes(sweep, view.rule, tried, best)),
    )  # fmt: skip


def report_sweeps(
    sweeps: Sequence[SweepResults],
    report: Report,
    view: SweepView,
    build: Callable[[Path], Report],
) -> list[SweepReport]:
    """Return what several sweeps come to, each by its own results.

    Args:
        sweeps: The sweeps.
        report: The report of everything that is there.
        view: How they are to be reported.
        build: Makes the report of one folder, under the same settings.
    """
    found = []
    for sweep in sweeps:
        files = {one.file.path.resolve() for one in sweep.cells if one.file is not None}
        if files.issuperset(Path(one).resolve() for one in report.inputs):
            own = report
        elif len(sweep.missing) < len(sweep.cells):
            own = build(sweep.path / "cells")
        else:
            own = Report(report.catalogue, {})
        found.append(report_sweep(sweep, own, view))
    return found


def _curves(
    sweep: SweepResults,
    series: Sequence[SweptSeries],
    rule: BestRule,
    scores: SweepScores,
) -> Iterator[CurvePoint]:
    def point(
        lang: str, model: SweptModel, of: SweptSeries | None, value: float | None
    ) -> CurvePoint:
        language, following = (
            scores.score(model, name, lang) for name in (rule.language, rule.following)
        )
        return CurvePoint(lang, model, of, value, language, following)

    for lang in sweep.languages:
        for model in sweep.baselines:
            if lang in model.languages:
                yield point(lang, model, None, None)
        for one in series:
            if lang in one.languages:
                for value, model in one.points:
                    yield point(lang, model, one, value)


def _notes(
    sweep: SweepResults,
    rule: BestRule,
    tried: Sequence[BestPoint],
    best: Sequence[BestPoint],
) -> Iterator[Note]:
    about = str(sweep.path)
    if missing := sweep.missing:
        text = f"{len(missing)} of {len(sweep.cells)} cells have no result"
        yield Note("incomplete", about, f"{text}: {named(missing)}")
    if tried and not best:
        text = (
            f"no best weight: no merge that is swept has both {rule.language.header}"
            f" and {rule.following.header}; --language-score and --following say what"
            " else to compare by"
        )
        yield Note("incomplete", about, text)
    for one in best:
        name = f"{one.lang}: {one.series.name}"
        if not one.compared:
            yield Note("incomplete", name, "no point can be compared yet")
        elif one.without:
            text = f"not compared for the best weight: {named(one.without, '; ')}"
            yield Note("incomplete", name, text)
        if one.value is None and one.compared:
            yield Note(
                "incomplete", name, f"no point that was compared has {rule.kept}"
            )


def notes_with(report: Report, sweeps: Sequence[SweepReport]) -> Iterator[Note]:
    """Yield the notes of sweeps, then those of a report that stand beside them."""
    for sweep in sweeps:
        yield from sweep.notes
    every = not stand_alone(sweeps)
    yield from (one for one in notes_of(report) if every or one.kind in MARKED)


def stand_alone(sweeps: Sequence[SweepReport]) -> bool:
    """Return whether the tables of sweeps are the only ones wanted."""
    return any(sweep.view.alone for sweep in sweeps)


def named(names: Sequence[str], between: str = ", ") -> str:
    """Return names as a list, of many the first; JSON has them all."""
    told = ", in full in JSON" if len(names) > _NAMED else ""
    return f"{first_of(names, _NAMED, between)}{told}"
