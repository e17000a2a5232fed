"""A language's gain against instructions kept, drawn as a Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.pictures.named_points import (
    Named,
    key_height,
    name_points,
    write_key,
    write_numbers,
)
from lm_eval_iberian.pictures.picture_labels import (
    fitted,
    height_of,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import (
    BASELINES,
    COLOURS,
    GREY,
    INK,
    LARGE,
    MARKS,
    axes_at,
    new_figure,
    plain_ticks,
)
from lm_eval_iberian.pictures.tradeoff import (
    Tradeoff,
    TradeoffPanel,
)
from lm_eval_iberian.pictures.weight_curves import CurveAxis
from lm_eval_iberian.stats import Difference


_FRONT = "the front, marks filled"
TITLE = "Language gained against instructions kept"
# of so few points all are named, of more those of the front
_MOST_NAMED = 12
# in inches
_WIDE, _HIGH, _GAP, _LEFT, _TOP, _FOOT, _EDGE = 4.0, 3.5, 0.8, 1.05, 0.4, 0.62, 0.15
# points farther from the others than they are from each other, so many times
_FAR = 8.0


def draw_tradeoff(data: Tradeoff) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    series = list(dict.fromkeys(p.series for q in data.panels for p in q.points))
    series = [name for name in series if name]
    looks = {
        name: (COLOURS[at % len(COLOURS)], MARKS[at % len(MARKS)])
        for at, name in enumerate(series)
    }
    wide = _LEFT + len(data.panels) * (_WIDE + _GAP) - _GAP + _EDGE
    keys = [_named(panel) for panel in data.panels]
    key_room = max(map(key_height, keys))
    entries = _entries(data, series, wide)
    columns = max(1, int((wide - 0.2) / (max(map(width_of, entries)) + 0.5)))
    columns = min(columns, len(entries))
    legend = height_of(-(-len(entries) // columns)) * 1.3 + 0.2
    figure = new_figure(wide, _TOP + _HIGH + _FOOT + key_room + 0.1 + legend)
    for at, (panel, key) in enumerate(zip(data.panels, keys, strict=True)):
        left = _LEFT + at * (_WIDE + _GAP)
        axes = axes_at(figure, left, _TOP, _WIDE, _HIGH)
        axes.set_title(fitted(panel.title, _WIDE, LARGE))
        _draw_panel(axes, panel, data, looks, key)
        axes.set_xlabel(_said(data.language, data.baseline, _WIDE))
        if at == 0:
            axes.set_ylabel(_said(data.following, data.baseline, _HIGH))
        write_key(figure, key, (left, _TOP + _HIGH + _FOOT), _WIDE)
    handles = [_handle("s", INK, INK)]
    handles += [_handle(mark, colour, colour) for colour, mark in looks.values()]
    for role in _roles(data):
        colour, _, mark = BASELINES[role]
        handles.append(_handle(mark, colour, "white"))
    figure.legend(
        [*handles, _front_handle()], entries, loc="lower center", ncols=columns,
        frameon=False, borderaxespad=0.3, handletextpad=0.4, handlelength=1.8,
    )  # fmt: skip
    return figure


def _entries(data: Tradeoff, series: Sequence[str], wide: float) -> list[str]:
    every = [data.baseline, *series, *_roles(data), _FRONT]
    return [fitted(name, wide - 0.8) for name in every]


def _roles(data: Tradeoff) -> list[str]:
    found = dict.fromkeys(p.role for q in data.panels for p in q.points if p.role)
    return list(found)


def _said(axis: CurveAxis, baseline: str, width: float) -> str:
    unit = ", points" if axis.share else ""
    way = " (less is better: reversed)" if axis.lower_is_better else ""
    against = fitted(f"difference from {baseline}", width - width_of(unit + way))
    title = fitted(axis.title, width - width_of(","))
    return f"{title},\n{against}{unit}{way}"


def _named(panel: TradeoffPanel) -> Named:
    """Return the points that are named, from most kept to least."""
    merges = [at for at, one in enumerate(panel.points) if one.series]
    if len(merges) > _MOST_NAMED:
        merges = [at for at in merges if panel.points[at].front]
    merges.sort(key=lambda at: -panel.points[at].kept.difference)
    return name_points({at: panel.points[at].name for at in merges}, _WIDE)


@dataclass(frozen=True)
class _View:
    """What an axis shows: from where to where."""

    low: float
    high: float

    def cut(self, value: float) -> float:
        return min(max(value, self.low), self.high)


def _view(differences: Sequence[Difference], share: bool) -> _View:
    """Return what an axis shows: 0, all points but one far off, most of the bars."""
    values = sorted([0.0, *(one.difference for one in differences)])
    for outer, rest in ((values[0], values[1:]), (values[-1], values[:-1])):
        span = max(rest[-1] - rest[0], 1.0) if len(rest) > 2 else 0.0
        far = min(abs(outer - end) for end in (rest[0], rest[-1])) if rest else 0.0
        if span and far > _FAR * span:
            values = rest
    least, most = min(0.0, values[0]), max(0.0, values[-1])
    span = max(most - least, 2.0 if share else 0.02 * max(abs(least), abs(most), 1.0))
    bars = [
        end for one in differences for end in (one.low, one.high) if end is not None
    ]
    low = max(min([*bars, least]), least - 0.5 * span)
    high = min(max([*bars, most]), most + 0.5 * span)
    return _View(low - 0.08 * span, high + 0.08 * span)


def _draw_panel(
    axes: Any,
    panel: TradeoffPanel,
    data: Tradeoff,
    looks: dict[str, tuple[str, str]],
    key: Named,
) -> None:
    across = _view([one.gained for one in panel.points], data.language.share)
    up = _view([one.kept for one in panel.points], data.following.share)
    axes.set_xlim(across.low, across.high)
    axes.set_ylim(up.low, up.high)
    if data.language.lower_is_better:
        axes.invert_xaxis()
    if data.following.lower_is_better:
        axes.invert_yaxis()
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    axes.grid(alpha=0.2, linewidth=0.6)
    plain_ticks(axes.xaxis, 6)
    plain_ticks(axes.yaxis, 6)
    _draw_front(axes, panel, data)
    for one in panel.points:
        colour, mark = looks.get(one.series, (GREY, "o"))
        if one.role:
            colour, _, mark = BASELINES[one.role]
        x, y = one.gained.difference, one.kept.difference
        for difference, along in ((one.gained, "x"), (one.kept, "y")):
            if difference.low is not None and difference.high is not None:
                arms = [[difference.difference - difference.low],
                        [difference.high - difference.difference]]  # fmt: skip
                axes.errorbar(
                    x, y, color=colour, alpha=0.55, elinewidth=1, zorder=2,
                    **{f"{along}err": arms},
                )  # fmt: skip
        place = across.cut(x), up.cut(y)
        inside = place == (x, y)
        axes.plot(
            *place, marker=mark if inside else _arrow(x, y, across, up, axes),
            color=colour, markersize=6.5 if one.front else 5,
            zorder=4 if one.front else 3,
            markerfacecolor=colour if one.front else "white",
            markeredgecolor=INK if one.front else colour,
            markeredgewidth=0.9, clip_on=False,
        )  # fmt: skip
    axes.plot(0, 0, marker="s", color=INK, markersize=6, zorder=5)
    places = [
        (across.cut(one.gained.difference), up.cut(one.kept.difference))
        for one in panel.points
    ]
    write_numbers(axes, key, [*places, (0.0, 0.0)])


def _arrow(x: float, y: float, across: _View, up: _View, axes: Any) -> str:
    """Return the mark of a point that lies outside, on its side."""
    if across.cut(x) != x:
        return ">" if (x > across.high) != axes.xaxis_inverted() else "<"
    return "^" if (y > up.high) != axes.yaxis_inverted() else "v"


_EDGE_LINE: dict[str, Any] = {"color": INK, "linewidth": 1, "linestyle": (0, (4, 2))}


def _draw_front(axes: Any, panel: TradeoffPanel, data: Tradeoff) -> None:
    """Draw the edge of what the merges of the front reach."""
    front = [
        (one.gained.difference, one.kept.difference)
        for one in panel.points
        if one.front
    ]
    sign = -1 if data.language.lower_is_better else 1
    front.sort(key=lambda one: sign * one[0])
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    xs, ys = [left], [front[0][1]]
    for (x, y), after in zip(front, [*front[1:], (front[-1][0], bottom)], strict=True):
        xs += [x, x]
        ys += [y, after[1]]
    axes.plot(xs, ys, zorder=1.5, **_EDGE_LINE)


def _handle(mark: str, colour: str, inside: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], marker=mark, color=colour, markerfacecolor=inside, linestyle="none"
    )


def _front_handle() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], **_EDGE_LINE)
