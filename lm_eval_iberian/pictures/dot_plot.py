"""Models below each other, numbers with their intervals beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.pictures.models_shown import ModelShown
from lm_eval_iberian.pictures.picture_labels import (
    fitted,
    fitted_names,
    height_of,
    in_lines,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import (
    BASELINES,
    COLOURS,
    GREY,
    LARGE,
    NORMAL,
    SMALL,
    axes_at,
    new_figure,
    plain_ticks,
    write_at,
)
from lm_eval_iberian.stats.estimate import Estimate


# in inches
_ROW, _COLUMN, _GAP, _NAME, _EDGE, _FOOT = 0.21, 1.35, 0.14, 3.2, 0.15, 0.52
_TITLE = 6.0
# by role: colour and mark
_LOOKS = {role: (colour, mark) for role, (colour, _, mark) in BASELINES.items()}
_OTHERS = (COLOURS[0], "o")


@dataclass(frozen=True)
class DotColumn:
    """A number of every model.

    Args:
        title: What it is.
        values: Of each model, ``None`` where it has none.
    """

    title: str
    values: tuple[Estimate | None, ...]


@dataclass(frozen=True)
class DotBand:
    """Columns side by side, on one scale.

    Args:
        title: What they are of.
        unit: What stands below them.
        columns: The columns.
        whole: Whether the scale goes from 0 to 100.
    """

    title: str
    unit: str
    columns: tuple[DotColumn, ...]
    whole: bool = False


def draw_dots(models: Sequence[ModelShown], bands: Sequence[DotBand]) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    names = fitted_names([one.name for one in models], _NAME)
    left = _EDGE + max(map(width_of, names.values())) + 0.12
    most = max(len(band.columns) for band in bands)
    # a few may be wide
    column = min(max(_COLUMN, 5.0 / most), 2.6)
    titles = [fitted(band.title, _TITLE, LARGE) for band in bands]
    units = [fitted(band.unit, _TITLE, SMALL) for band in bands]
    heads = [
        [in_lines(one.title, column, most=2) for one in band.columns] for band in bands
    ]
    above = [
        (height_of(1, LARGE) + 0.1 if title else 0.0) + height_of(_lines(found))
        for title, found in zip(titles, heads, strict=True)
    ]
    rows = max(2, len(models)) * _ROW
    roles = [role for role in dict.fromkeys(one.role for one in models) if role]
    legend = 0.3 if len(roles) > 1 else 0.0
    room = max(
        most * (column + _GAP),
        *(width_of(text, LARGE) for text in titles),
        *(width_of(text, SMALL) for text in units),
        sum(width_of(role) + 0.6 for role in roles),
    )
    figure = new_figure(
        left + room + _EDGE, _EDGE + sum(above) + len(bands) * (rows + _FOOT) + legend
    )
    top = _EDGE
    for at, band in enumerate(bands):
        write_at(figure, left, top, titles[at], size=LARGE, va="top")
        top += above[at]
        scale = _scale(band)
        for place, (one, head) in enumerate(zip(band.columns, heads[at], strict=True)):
            start = left + place * (column + _GAP)
            axes = axes_at(figure, start, top, column, rows)
            axes.set_title(head, fontsize=NORMAL, pad=3)
            _draw_column(axes, models, one, scale, (0, 100) if band.whole else scale)
        for row, model in enumerate(models):
            write_at(
                figure, left - 0.08, top + (row + 0.5) * _ROW, names[model.name],
                ha="right", va="center_baseline",
            )  # fmt: skip
        top += rows + _FOOT
        write_at(
            figure, left, top - 0.1, units[at], size=SMALL, color=GREY, va="bottom"
        )
    if legend:
        figure.legend(
            [_mark(role) for role in roles], roles, loc="lower left",
            bbox_to_anchor=(left / figure.get_size_inches()[0], 0.0), frameon=False,
            ncols=len(roles), borderaxespad=0.2, handletextpad=0.2, columnspacing=1.2,
        )  # fmt: skip
    return figure


def _lines(texts: Sequence[str]) -> int:
    return 1 + max(text.count("\n") for text in texts)


def _draw_column(
    axes: Any,
    models: Sequence[ModelShown],
    column: DotColumn,
    scale: tuple[float, float],
    within: tuple[float, float],
) -> None:
    for row, (one, value) in enumerate(zip(models, column.values, strict=True)):
        if row % 2 == 0:
            axes.axhspan(row - 0.5, row + 0.5, color="#f3f3f3", linewidth=0, zorder=0)
        if value is None:
            middle = sum(scale) / 2
            axes.text(middle, row, "–", color=GREY, ha="center", va="center_baseline")
            continue
        colour, mark = _LOOKS.get(one.role, _OTHERS)
        if value.low is not None and value.high is not None:
            ends = [
                min(max(end, within[0]), within[1]) for end in (value.low, value.high)
            ]
            axes.plot(ends, [row, row], color=colour, linewidth=1.2, zorder=2)
        axes.plot(
            [value.value], [row], marker=mark, color=colour, markersize=5, zorder=3,
            # hollow: nothing is known of how far off it may be
            markerfacecolor="white" if value.low is None else colour, clip_on=False,
        )  # fmt: skip
    axes.set_xlim(*scale)
    axes.set_ylim(max(2, len(models)) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(axis="x", alpha=0.3, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    plain_ticks(axes.xaxis, 3)
    axes.tick_params(axis="x", labelsize=SMALL)


def _scale(band: DotBand) -> tuple[float, float]:
    if band.whole:
        return -4.0, 104.0
    ends = [
        end
        for column in band.columns
        for value in column.values
        if value is not None
        for end in (value.value, value.low, value.high)
        if end is not None and math.isfinite(end)
    ]
    least, most = min(ends, default=0.0), max(ends, default=100.0)
    space = max(most - least, 2.0) * 0.08
    return least - space, most + space


def _mark(role: str) -> Any:
    from matplotlib.lines import Line2D

    colour, mark = _LOOKS.get(role, _OTHERS)
    return Line2D([], [], color=colour, marker=mark, linestyle="none", markersize=5)
