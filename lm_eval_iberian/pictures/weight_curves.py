"""The data of a sweep's curves: two scores against the weight, by language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.pictures.score_estimates import ScoreEstimates
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.report.sweep_report import CurvePoint, SweepReport
from lm_eval_iberian.report.sweep_scores import ScoreName
from lm_eval_iberian.report.swept_series import (
    SeriesKey,
    names_of_series,
    series_key,
)
from lm_eval_iberian.report.tables import language_name
from lm_eval_iberian.stats import Estimate


# of more curves bands hide each other
MOST_BANDS = 8
Which = Literal["language", "following"]


@dataclass(frozen=True)
class CurveAxis:
    """What stands upright.

    Args:
        title: The score.
        share: Whether it is one of a whole, in per cent.
        lower_is_better: Whether less is better.
    """

    title: str
    share: bool = True
    lower_is_better: bool = False


@dataclass(frozen=True)
class Curve:
    """A series of merges in one language.

    Args:
        name: What it is called, and how it looks: the same in every panel.
        xs: The values of what is swept, ascending.
        language: The score of its language at each, ``None`` where there is none.
        following: That of instruction following.
        best: The value of the best point, ``None`` for none.
    """

    name: str
    xs: tuple[float, ...]
    language: tuple[Estimate | None, ...]
    following: tuple[Estimate | None, ...]
    best: float | None = None


@dataclass(frozen=True)
class CurvePanel:
    """A language.

    Args:
        title: What it is called.
        parameter: What is swept.
        curves: The series.
        baselines: The two scores of each model that is no merge, by its role.
    """

    title: str
    parameter: str
    curves: tuple[Curve, ...]
    baselines: tuple[tuple[str, float | None, float | None], ...] = ()


@dataclass(frozen=True)
class WeightCurves:
    """All of the picture.

    Args:
        panels: The languages.
        language: What stands upright above.
        following: What stands upright below.
        rule: How the best points were chosen; empty where there are none.
    """

    panels: tuple[CurvePanel, ...]
    language: CurveAxis
    following: CurveAxis
    rule: str = ""

    @property
    def names(self) -> list[str]:
        """Every series once, in the order in which they look different."""
        return list(dict.fromkeys(c.name for p in self.panels for c in p.curves))

    @property
    def caption(self) -> str:
        """What a reader must know."""
        what = f"{self.language.title} (above) and {self.following.title} (below)"
        parameter = next((p.parameter for p in self.panels if p.parameter), "")
        against = f" against {parameter}" if parameter else ""
        bands = "Bands, and bars at single points, are 95 % intervals"
        if len(self.names) > MOST_BANDS:
            bands = "Bars at single points are 95 % intervals; the curves are too many"
            bands += " for bands"
        if not self._has_intervals():
            bands = "No intervals: no standard error was stored"
        best = f" Ringed: {self.rule}, of each series." if self.rule else ""
        return f"{what}{against}, by language. {bands}.{best}"

    def _has_intervals(self) -> bool:
        every = [
            one
            for panel in self.panels
            for curve in panel.curves
            for one in (*curve.language, *curve.following)
        ]
        return any(one is not None and one.low is not None for one in every)


def gather_curves(
    report: SweepReport, comparer: Comparer | None = None
) -> WeightCurves:
    """Return what a sweep's curves are drawn of.

    Args:
        report: The sweep.
        comparer: Who knows the items; left out, intervals are those of the standard
            errors that were stored.

    Raises:
        DataError: The sweep has nothing that could be drawn.
    """
    drawn = [
        one for one in report.curves if one.series is None or one.value is not None
    ]
    langs = list(dict.fromkeys(one.lang for one in drawn if _drawable(one)))
    rule = report.view.rule
    if not langs:
        raise DataError(
            f"{report.sweep.path} has no merge with a number to draw it at and a value"
            f" of {rule.language.header} or {rule.following.header}"
        )
    best = {
        (one.lang, series_key(one.series)): one.value
        for one in report.best
        if one.value is not None
    }
    names = series_names(drawn)
    estimates = ScoreEstimates(comparer, report)
    panels = []
    for lang in langs:
        here = [one for one in drawn if one.lang == lang]
        curves = [
            _curve(key, name, here, report, estimates, best.get((lang, key)))
            for key, name in names.items()
        ]
        panels.append(
            CurvePanel(
                language_name(lang),
                _parameter(here),
                tuple(one for one in curves if one.xs),
                tuple(_baselines(here)),
            )
        )
    return WeightCurves(
        tuple(panels),
        curve_axis(rule.language, drawn[0].language.metric),
        curve_axis(rule.following, drawn[0].following.metric),
        rule.sentence if best else "",
    )


def curve_axis(name: ScoreName, metric: Metric) -> CurveAxis:
    """Return what an axis says of a score."""
    return CurveAxis(name.header, metric.scale == 100, metric.lower_is_better)


def series_names(points: Iterable[CurvePoint]) -> dict[SeriesKey, str]:
    """Return every series with its name: its method, and what tells it from others."""
    return names_of_series(
        series_key(one.series) for one in points if one.series is not None
    )


def _drawable(point: CurvePoint) -> bool:
    scores = (point.language, point.following)
    return point.series is not None and any(one.measure is not None for one in scores)


def _curve(
    key: SeriesKey,
    name: str,
    points: Sequence[CurvePoint],
    report: SweepReport,
    estimates: ScoreEstimates,
    best: float | None,
) -> Curve:
    mine = [p for p in points if p.series is not None and series_key(p.series) == key]
    there = [(one.value, one) for one in mine if one.value is not None]

    def scores(which: Which) -> tuple[Estimate | None, ...]:
        rule = report.view.rule
        name = rule.language if which == "language" else rule.following
        return tuple(
            estimates.estimate(
                one.model.called, name.of(one.lang),
                (one.language if which == "language" else one.following).measure,
            )
            for _, one in there
        )  # fmt: skip

    xs = tuple(value for value, _ in there)
    return Curve(name, xs, scores("language"), scores("following"), best)


def _baselines(
    points: Sequence[CurvePoint],
) -> Iterable[tuple[str, float | None, float | None]]:
    for one in points:
        if one.series is None:
            found = (one.language.measure, one.following.measure)
            values = [None if m is None else m.value for m in found]
            yield one.model.role, values[0], values[1]


def _parameter(points: Iterable[CurvePoint]) -> str:
    names = dict.fromkeys(one.series.parameter for one in points if one.series)
    return " or ".join(filter(None, names))
