"""Methods' curves against the gain of a language, drawn where they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.frontier import FrontierReport, MethodReading
from lm_eval_iberian.pictures.picture_files import as_bytes, picture_form
from lm_eval_iberian.pictures.picture_labels import (
    fitted,
    fitted_names,
    height_of,
    in_lines,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import (
    GREY,
    INK,
    LARGE,
    axes_at,
    curve_look,
    new_figure,
    picture_style,
    plain,
    plain_ticks,
)
from lm_eval_iberian.pictures.weight_curves import MOST_BANDS, CurveAxis, curve_axis
from lm_eval_iberian.report.tables import language_name


TITLE = "Instructions followed at equal gain of the language"
_INSTRUCT = "the instructed model"
_UNREAD = "not read: the curve had the gain before"
_OF_SEEDS = "each seed's own curve"
# in inches
_WIDE, _HIGH, _GAP, _LEFT, _TOP, _FOOT, _EDGE = 4.0, 3.4, 0.85, 0.95, 0.4, 0.62, 0.2
_NAME = 3.2
# of what lies further left, in per cent of the expert's gain, nothing is read
_LEAST = -15.0
# scores that differ by less than this, in points, are not blown up
_SPAN = 5.0


@dataclass(frozen=True)
class GainCurve:
    """A method's curve.

    Args:
        name: The method; it looks the same in every panel.
        line: The gains at which it is read, the score at each, and its interval.
        points: Of each seed the gain and score of its points, in the order of what is
            swept.
    """

    name: str
    line: tuple[tuple[float, float, float | None, float | None], ...]
    points: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class GainPanel:
    """A language: its title, its curves, and what the instructed model follows."""

    title: str
    curves: tuple[GainCurve, ...]
    instruct: float


@dataclass(frozen=True)
class GainPicture:
    """All of the picture.

    Args:
        panels: The languages.
        language: The score whose gain stands across.
        following: What stands upright.
        at: The gains at which methods are compared.
        seeds: How many seeds or runs the lines are the mean of.
    """

    panels: tuple[GainPanel, ...]
    language: str
    following: CurveAxis
    at: tuple[float, ...]
    seeds: int = 1

    @property
    def names(self) -> list[str]:
        """Every method once, in the order in which they look different."""
        return list(dict.fromkeys(c.name for p in self.panels for c in p.curves))


def gather_gains(report: FrontierReport) -> GainPicture:
    """Return what the picture is drawn of."""
    asked = report.read.asked
    panels = []
    for one in report.read.languages:
        own = [_curve(m) for m in report.methods if m.lang == one.lang]
        title = language_name(one.lang)
        panels.append(GainPanel(title, tuple(own), report.instructs[one.lang]))
    metric = report.read.languages[0].following_metric
    return GainPicture(
        tuple(panels), asked.language.header, curve_axis(asked.following, metric),
        asked.at, report.seeds,
    )  # fmt: skip


def _curve(one: MethodReading) -> GainCurve:
    line = tuple((p.at, p.value, p.found.low, p.found.high) for p in one.line)
    return GainCurve(one.name, line, one.points)


def frontier_picture(report: FrontierReport, path: Path) -> bytes:
    """Return the picture, in the format that a file's suffix says.

    A panel for each language: across, its gain in per cent of the expert's; upright,
    the instructions followed; a line with its 95 % intervals for each method where its
    curve is read, a thread through its points where it is not.

    Args:
        report: The methods, compared.
        path: Only its suffix counts.

    Raises:
        UnknownNameError: There is no such format.
        MissingExtraError: matplotlib is not installed.
    """
    form = picture_form(path)
    with picture_style("frontier"):
        figure = draw_gains(gather_gains(report))
        return as_bytes(figure, form, "frontier", TITLE)


def draw_gains(data: GainPicture) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    wide = _LEFT + len(data.panels) * (_WIDE + _GAP) - _GAP + _EDGE
    names = fitted_names(data.names, min(_NAME, wide - 1.0))
    thread = _UNREAD if data.seeds == 1 else _OF_SEEDS
    entries = [*names.values(), _INSTRUCT, fitted(thread, wide - 1.0)]
    widest = max(map(width_of, entries)) + 0.75
    columns = max(1, min(4, int(wide / widest), len(entries)))
    legend = 0.1 + height_of(math.ceil(len(entries) / columns)) * 1.3
    figure = new_figure(wide, _TOP + _HIGH + _FOOT + legend)
    looks = {name: curve_look(at) for at, name in enumerate(data.names)}
    for at, panel in enumerate(data.panels):
        left = _LEFT + at * (_WIDE + _GAP)
        axes = axes_at(figure, left, _TOP, _WIDE, _HIGH)
        axes.set_title(fitted(panel.title, _WIDE, LARGE))
        _draw_panel(axes, panel, data, looks)
        gain = fitted(data.language, _WIDE - width_of("gain of "))
        axes.set_xlabel(f"gain of {gain},\n% of the expert's")
        if at == 0:
            unit = ", %" if data.following.share else ""
            way = "\n(less is better)" if data.following.lower_is_better else ""
            title = in_lines(data.following.title + unit, _HIGH, most=2)
            axes.set_ylabel(f"{title}{way}")
    handles = [_handle(looks[name]) for name in data.names]
    handles += [_handle(_SQUARE), _handle({**_THREAD, "color": GREY})]
    figure.legend(
        handles, entries, loc="lower center", ncols=columns, frameon=False,
        handlelength=3.2, borderaxespad=0.3,
    )  # fmt: skip
    return figure


_SQUARE: dict[str, Any] = {
    "color": INK, "marker": "s", "markersize": 6, "linestyle": "none",
}  # fmt: skip
_THREAD: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (1, 2))}


def _draw_panel(
    axes: Any, panel: GainPanel, data: GainPicture, looks: dict[str, dict[str, Any]]
) -> None:
    _view(axes, panel, data)
    for gain in data.at:
        axes.axvline(gain, color=GREY, linewidth=0.7, linestyle=(0, (1, 3)), zorder=1)
    for curve in panel.curves:
        _draw_curve(axes, curve, looks[curve.name], len(looks) <= MOST_BANDS)
    axes.plot([0], [panel.instruct], zorder=5, **_SQUARE)
    axes.grid(alpha=0.2, linewidth=0.6)
    plain_ticks(axes.yaxis, 6)
    _gain_ticks(axes)


def _draw_curve(axes: Any, curve: GainCurve, look: dict[str, Any], bands: bool) -> None:
    colour = look["color"]
    # several seeds: the points of each are small
    size = 5.5 if len(curve.points) == 1 else 3.5
    for points in curve.points:
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        axes.plot(xs, ys, color=colour, zorder=2, **_THREAD)
        axes.plot(
            xs, ys, color=colour, marker=look["marker"], markersize=size, zorder=4,
            linestyle="none", markeredgecolor="white", markeredgewidth=0.6,
        )  # fmt: skip
    xs, ys = [p[0] for p in curve.line], [p[1] for p in curve.line]
    axes.plot(xs, ys, color=colour, linestyle=look["linestyle"], zorder=3)
    if bands:
        lows, highs = (
            [math.nan if p[end] is None else float(p[end] or 0.0) for p in curve.line]
            for end in (2, 3)
        )
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.16, linewidth=0)


def _view(axes: Any, panel: GainPanel, data: GainPicture) -> None:
    """Show 0, the gains asked for, and all that is read."""
    points = [p for curve in panel.curves for of in curve.points for p in of]
    gains = [0.0, *data.at, *(gain for gain, _ in points)]
    low, high = max(_LEAST, min(gains)), max(gains)
    axes.set_xlim(low - 0.03 * (high - low), high + 0.04 * (high - low))
    seen = [panel.instruct, *(score for gain, score in points if gain >= _LEAST)]
    ends = [p[end] for curve in panel.curves for p in curve.line for end in (1, 2, 3)]
    scores: Sequence[float] = [*seen, *(one for one in ends if one is not None)]
    least, most = min(scores), max(scores)
    if most - least < (_SPAN if data.following.share else 1e-12):
        middle, half = (least + most) / 2, max(_SPAN, abs(most)) / 2
        least, most = middle - half, middle + half
    axes.set_ylim(least - 0.05 * (most - least), most + 0.05 * (most - least))


def _gain_ticks(axes: Any) -> None:
    low, high = axes.get_xlim()
    ticks = [tick for tick in range(0, 201, 25) if low <= tick <= high]
    if high > 200:
        plain_ticks(axes.xaxis, 6)
        return
    axes.set_xticks(ticks)
    axes.set_xticklabels([plain(tick) for tick in ticks])


def _handle(look: dict[str, Any]) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], markeredgecolor="white", markeredgewidth=0.6, **look)
