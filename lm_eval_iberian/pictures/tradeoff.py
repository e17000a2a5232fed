"""What a language gained against what was kept of instructions: data of a Pareto front.

Everything is held against the instructed model: to the right a language's score is
better than its, above more of the instructions are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.pictures.models_shown import ModelsShown
from lm_eval_iberian.pictures.score_estimates import score_difference
from lm_eval_iberian.pictures.weight_curves import (
    CurveAxis,
    curve_axis,
    series_key,
    series_names,
)
from lm_eval_iberian.report.best_weight import FOLLOWING, LANGUAGE
from lm_eval_iberian.report.sweep_report import CurvePoint, SweepReport
from lm_eval_iberian.report.tables import LANGUAGES, average_entry
from lm_eval_iberian.stats.estimate import Difference


_INSTRUCT = "instruct"


@dataclass(frozen=True)
class TradeoffPoint:
    """A model against the instructed one.

    Args:
        name: What it is called.
        series: What it looks like; empty of a model that is no merge.
        role: ``base`` or ``expert`` of a model that is no merge.
        gained: How the language's score differs.
        kept: How the score of instruction following does.
        front: Whether no other merge is better in both.
    """

    name: str
    series: str
    role: str
    gained: Difference
    kept: Difference
    front: bool = False


@dataclass(frozen=True)
class TradeoffPanel:
    """A language: what it is called, and its points."""

    title: str
    points: tuple[TradeoffPoint, ...]


@dataclass(frozen=True)
class Tradeoff:
    """All of the picture.

    Args:
        panels: The languages.
        language: What stands to the right.
        following: What stands upright.
        baseline: The instructed model.
    """

    panels: tuple[TradeoffPanel, ...]
    language: CurveAxis
    following: CurveAxis
    baseline: str

    @property
    def caption(self) -> str:
        """What a reader must know."""
        every = [one for panel in self.panels for one in panel.points]
        differences = [d for one in every for d in (one.gained, one.kept)]
        known = [one for one in differences if one.low is not None]
        if not known:
            bars = "No intervals: no standard error is known."
        elif all(one.paired for one in known):
            bars = "Bars are 95 % intervals of the differences, paired by item."
        elif not any(one.paired for one in known):
            bars = (
                "Bars are 95 % intervals of stored standard errors, not paired by item,"
                " and wider for that."
            )
        else:
            bars = (
                "Bars are 95 % intervals of the differences, some of them of stored"
                " standard errors, not paired by item."
            )
        return (
            f"How {self.language.title} and {self.following.title} differ from those of"
            f" {self.baseline}. Filled: the front, merges that no other merge is better"
            f" than in both; the line is what they reach. {bars}"
        )


def gather_tradeoff(comparer: Comparer, sweep: SweepReport) -> Tradeoff:
    """Return the points of a sweep, by the scores that its best points are told by.

    Raises:
        DataError: The sweep has no instructed model, nothing has both scores, or models
            cannot be compared.
    """
    rule = sweep.view.rule
    names = series_names(sweep.curves)
    langs = dict.fromkeys(one.lang for one in sweep.curves)
    panels = []
    for lang in langs:
        here = [one for one in sweep.curves if one.lang == lang]
        base = next((p for p in here if p.model.role == _INSTRUCT), None)
        if base is None:
            continue
        points = []
        for one in here:
            found = _differences(comparer, sweep, base, one)
            if found is not None and one is not base:
                merge = one.series is not None
                points.append(
                    TradeoffPoint(
                        one.series.of_point(one.value)
                        if one.series is not None
                        else one.model.role,
                        names[series_key(one.series)] if one.series is not None else "",
                        "" if merge else one.model.role,
                        *found,
                    )
                )
        if any(point.series for point in points):
            title = LANGUAGES.get(lang, lang)
            panels.append(_panel(title, points, sweep.curves[0]))
    if not panels:
        raise DataError(
            f"{sweep.sweep.path}: no merge and the instructed model have both"
            f" {rule.language.header} and {rule.following.header}"
        )
    first = sweep.curves[0]
    return Tradeoff(
        tuple(panels),
        curve_axis(rule.language, first.language.metric),
        curve_axis(rule.following, first.following.metric),
        _INSTRUCT,
    )


def _panel(
    title: str, points: Sequence[TradeoffPoint], of: CurvePoint
) -> TradeoffPanel:
    ways = of.language.metric.lower_is_better, of.following.metric.lower_is_better
    return TradeoffPanel(title, tuple(with_front(points, *ways)))


def _differences(
    comparer: Comparer, sweep: SweepReport, base: CurvePoint, one: CurvePoint
) -> tuple[Difference, Difference] | None:
    rule = sweep.view.rule
    subjects = base.model.called, one.model.called
    gained = score_difference(
        comparer, subjects, rule.language.of(one.lang),
        (base.language.measure, one.language.measure),
    )  # fmt: skip
    kept = score_difference(
        comparer, subjects, rule.following.of(one.lang),
        (base.following.measure, one.following.measure),
    )  # fmt: skip
    return None if gained is None or kept is None else (gained, kept)


def gather_model_tradeoff(
    comparer: Comparer, models: ModelsShown, baseline: str
) -> Tradeoff:
    """Return the models outside of sweeps, by the paper's averages.

    Args:
        comparer: Who knows the items.
        models: The models.
        baseline: The instructed one.

    Raises:
        DataError: Nothing has both scores, or models cannot be compared.
    """
    catalogue = comparer.catalogue
    panels = []
    for lang, title in LANGUAGES.items():
        columns = LANGUAGE.of(lang), FOLLOWING.of(lang)
        points = []
        for one in models.models:
            if one.name == baseline:
                continue
            found = []
            for column in columns:
                values = [
                    average_entry(comparer.subjects[name].model, column).measure
                    for name in (baseline, one.name)
                ]
                found.append(
                    score_difference(
                        comparer, (baseline, one.name), column, (values[0], values[1])
                    )
                )
            if found[0] is not None and found[1] is not None:
                role = one.role if one.role in ("base", "expert") else ""
                series = "" if role else "models"
                points.append(TradeoffPoint(one.name, series, role, found[0], found[1]))
        if any(point.series for point in points):
            panels.append(TradeoffPanel(title, tuple(with_front(points))))
    if not panels:
        raise DataError(
            f"no model has, with {baseline}, both a language's average and its IFEval"
        )
    metrics = [catalogue.metrics[catalogue.blocks[b].metric] for b in _BLOCKS]
    return Tradeoff(
        tuple(panels), curve_axis(LANGUAGE, metrics[0]),
        curve_axis(FOLLOWING, metrics[1]), baseline,
    )  # fmt: skip


_BLOCKS = ("accuracy", "ifeval")


def with_front(
    points: Sequence[TradeoffPoint],
    less_gained: bool = False,
    less_kept: bool = False,
) -> Iterator[TradeoffPoint]:
    """Yield points, told whether they are on the front; only merges can be.

    Args:
        points: The points.
        less_gained: Whether less of the language's score is better.
        less_kept: Whether less of the other is.
    """

    def worth(one: TradeoffPoint) -> tuple[float, float]:
        gained, kept = one.gained.difference, one.kept.difference
        return (-gained if less_gained else gained), (-kept if less_kept else kept)

    merges = [worth(one) for one in points if one.series]
    for one in points:
        mine = worth(one)
        better = any(
            other != mine and other[0] >= mine[0] and other[1] >= mine[1]
            for other in merges
        )
        yield replace(one, front=bool(one.series) and not better)
