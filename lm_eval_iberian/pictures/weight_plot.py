"""The curves of a sweep as a picture: two scores against the weight, by language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.pictures.picture_files import as_bytes, picture_form
from lm_eval_iberian.pictures.picture_labels import (
    fitted,
    fitted_names,
    height_of,
    in_lines,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import (
    BASELINES,
    INK,
    axes_at,
    curve_look,
    logarithmic,
    new_figure,
    picture_style,
    plain,
    plain_ticks,
)
from lm_eval_iberian.pictures.weight_curves import (
    MOST_BANDS,
    Curve,
    CurveAxis,
    CurvePanel,
    WeightCurves,
    Which,
    gather_curves,
)
from lm_eval_iberian.report.sweep_report import SweepReport
from lm_eval_iberian.stats import Estimate


TITLE = "Scores against the proportion of the expert"
# of scores that are no shares: how far apart a logarithmic axis shows them
_SPAN = 4.0
# in inches
_WIDE, _HIGH, _GAP, _LEFT, _TOP, _NAME = 3.4, 2.6, 0.25, 1.15, 0.4, 3.2
# shares that differ by less than this, in points, are not blown up
_LEAST = 5.0


def sweep_picture(
    report: SweepReport, path: Path, comparer: Comparer | None = None
) -> bytes:
    """Return the picture of a sweep, in the format that a file's suffix says.

    A column of panels for each language: above, the score of the language, below, that
    of instruction following; a line for each series with its 95 % intervals, a mark for
    a merge alone, dashed lines across for the baselines, a ring around the best point.

    Args:
        report: The sweep.
        path: Only its suffix counts.
        comparer: Who knows the items; left out, the stored standard errors count.

    Raises:
        UnknownNameError: There is no such format.
        MissingExtraError: matplotlib is not installed.
        DataError: The sweep has nothing that could be drawn.
    """
    form = picture_form(path)
    with picture_style("weight_plot"):
        figure = draw_curves(gather_curves(report, comparer))
        return as_bytes(figure, form, "weight_plot", TITLE)


def draw_curves(data: WeightCurves) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    wide = _LEFT + len(data.panels) * (_WIDE + _GAP)
    names = fitted_names(data.names, min(_NAME, wide - 1.0))
    roles = list(dict.fromkeys(role for p in data.panels for role, *_ in p.baselines))
    entries = [
        *roles,
        *names.values(),
        *([fitted("the best of each series", wide - 1.0)] if data.rule else []),
    ]
    widest = max(map(width_of, entries)) + 0.75
    columns = max(1, min(4, int(wide / widest), len(entries)))
    legend = 0.1 + height_of(math.ceil(len(entries) / columns)) * 1.25
    foot = 0.55
    figure = new_figure(wide, _TOP + 2 * _HIGH + _GAP + foot + legend)
    rows: dict[Which, list[Any]] = {"language": [], "following": []}
    looks = {name: curve_look(at) for at, name in enumerate(data.names)}
    for column, panel in enumerate(data.panels):
        left = _LEFT + column * (_WIDE + _GAP)
        for row, (which, axes) in enumerate(rows.items()):
            shared = {"sharey": axes[0]} if axes else {}
            top = _TOP + row * (_HIGH + _GAP)
            one = axes_at(figure, left, top, _WIDE, _HIGH, **shared)
            axes.append(one)
            _panel(one, panel, which, looks)
            _ticks(one, panel)
            one.tick_params(labelbottom=row == 1, labelleft=column == 0)
        _same_width(rows["language"][-1], rows["following"][-1])
        rows["language"][-1].set_title(fitted(panel.title, _WIDE, 11))
        rows["following"][-1].set_xlabel(fitted(panel.parameter, _WIDE))
    for which, axis in (("language", data.language), ("following", data.following)):
        _upright(rows[which], axis, data.panels, which)
    handles = [_baseline_handle(role) for role in roles]
    handles += [_handle(looks[name]) for name in data.names]
    handles += [_ring_handle()] if data.rule else []
    figure.legend(
        handles, entries, loc="lower center", bbox_to_anchor=(0.5, 0.0),
        ncols=columns, frameon=False, handlelength=3.5, labelspacing=0.5,
        borderaxespad=0.3,
    )  # fmt: skip
    return figure


def _panel(
    axes: Any, panel: CurvePanel, which: Which, looks: dict[str, dict[str, Any]]
) -> None:
    for role, *scores in panel.baselines:
        value = scores[0 if which == "language" else 1]
        if value is not None:
            colour, dashes, _ = BASELINES[role]
            axes.axhline(value, color=colour, linestyle=dashes, linewidth=1.4, zorder=1)
    for curve in panel.curves:
        _draw_curve(axes, curve, which, looks[curve.name], len(looks) <= MOST_BANDS)
    axes.grid(alpha=0.25, linewidth=0.6)


def _draw_curve(
    axes: Any, curve: Curve, which: Which, look: dict[str, Any], bands: bool
) -> None:
    found = curve.language if which == "language" else curve.following
    # a line breaks where a point is missing, a band where an interval is
    ys = [math.nan if one is None else one.value for one in found]
    if all(map(math.isnan, ys)):
        return
    lows, highs = _bounds(found)
    if bands:
        axes.fill_between(
            curve.xs, lows, highs, color=look["color"], alpha=0.16, linewidth=0,
            zorder=1.5,
        )  # fmt: skip
    alone = [_is_alone(lows, at) for at in range(len(lows))]
    every = list(zip(lows, ys, highs, alone, strict=True))
    arms = [
        [y - low if one else math.nan for low, y, _, one in every],
        [high - y if one else math.nan for _, y, high, one in every],
    ]
    axes.errorbar(
        curve.xs, ys, yerr=arms if any(alone) else None, zorder=2, elinewidth=1.1,
        capsize=2.5, markeredgecolor="white", markeredgewidth=0.6, **look,
    )  # fmt: skip
    if curve.best in curve.xs:
        y = ys[curve.xs.index(curve.best)]
        axes.plot([curve.best], [y], zorder=3, **_RING)


_RING: dict[str, Any] = {
    "marker": "o", "markersize": 12, "markerfacecolor": "none",
    "markeredgecolor": INK, "markeredgewidth": 1.3, "linestyle": "none",
}  # fmt: skip


def _bounds(found: Sequence[Estimate | None]) -> tuple[list[float], list[float]]:
    there = [None if one is None or one.low is None else one for one in found]
    lows = [math.nan if one is None else float(one.low or 0.0) for one in there]
    highs = [math.nan if one is None else float(one.high or 0.0) for one in there]
    return lows, highs


def _is_alone(lows: Sequence[float], at: int) -> bool:
    """Return whether no band reaches a point that has an interval."""
    sides = [lows[i] for i in (at - 1, at + 1) if 0 <= i < len(lows)]
    return not math.isnan(lows[at]) and all(map(math.isnan, sides))


def _same_width(above: Any, below: Any) -> None:
    limits = [axes.get_xlim() for axes in (above, below)]
    least, most = min(low for low, _ in limits), max(high for _, high in limits)
    for axes in (above, below):
        axes.set_xlim(least, most)


def _ticks(axes: Any, panel: CurvePanel) -> None:
    """Say the values themselves where there is room for them."""
    values = sorted({x for curve in panel.curves for x in curve.xs})
    span = values[-1] - values[0]
    steps = [after - one for one, after in pairwise(values)]
    room = max(width_of(plain(value)) for value in values) + 0.08
    plain_ticks(axes.xaxis, 7)
    if not steps or min(steps) * _WIDE * 0.9 >= room * span:
        axes.set_xticks(values)


def _upright(
    row: Sequence[Any], axis: CurveAxis, panels: Sequence[CurvePanel], which: Which
) -> None:
    """Say what a row is of, and stretch what goes over powers of ten."""
    unit = ", %" if axis.share else ""
    way = "\n(less is better)" if axis.lower_is_better else ""
    row[0].set_ylabel(f"{in_lines(axis.title + unit, _HIGH)}{way}")
    values = [value for panel in panels for value in _values(panel, which)]
    least = min(values, default=0.0)
    if not axis.share and 0 < _SPAN * least < max(values):
        for axes in row:
            logarithmic(axes)
        return
    low, high = row[0].get_ylim()
    if axis.share and high - low < _LEAST:
        middle = (low + high) / 2
        row[0].set_ylim(middle - _LEAST / 2, middle + _LEAST / 2)
    for axes in row:
        plain_ticks(axes.yaxis)


def _values(panel: CurvePanel, which: Which) -> list[float]:
    at = 0 if which == "language" else 1
    found = [scores[at] for _, *scores in panel.baselines]
    for curve in panel.curves:
        every = curve.language if which == "language" else curve.following
        found += [None if one is None else one.value for one in every]
    return [value for value in found if value is not None]


def _handle(look: dict[str, Any]) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], markeredgecolor="white", markeredgewidth=0.6, **look)


def _baseline_handle(role: str) -> Any:
    from matplotlib.lines import Line2D

    colour, dashes, _ = BASELINES[role]
    return Line2D([], [], color=colour, linestyle=dashes, linewidth=1.4)


def _ring_handle() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], **_RING)
