"""Which kinds of instructions models follow, drawn as a heat map."""

from __future__ import annotations

from functools import cache
from typing import Any

from lm_eval_iberian.pictures.instruction_kinds import InstructionHeatMap
from lm_eval_iberian.pictures.picture_labels import fitted, fitted_names, width_of
from lm_eval_iberian.pictures.picture_style import (
    GREY,
    INK,
    LARGE,
    SMALL,
    axes_at,
    new_figure,
    write_at,
)


# in inches
_CELL, _ROW, _NAME, _EDGE, _GAP = 0.38, 0.21, 2.8, 0.15, 0.5
# black letters on a colour of this luminance are as easy to read as white ones
_DARK = 0.18


def draw_instructions(data: InstructionHeatMap) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    models = data.models.models
    names = fitted_names([one.name for one in models], _NAME)
    shown = [fitted(row.name, 3.0) for row in data.rows]
    count = max(width_of(row.n, SMALL) for row in data.rows)
    left = _EDGE + max(map(width_of, shown)) + 0.2 + count + 0.14
    families = list(dict.fromkeys(row.family for row in data.rows))
    high = (len(data.rows) + len(families)) * _ROW
    head = 0.34 + max(map(width_of, names.values())) + 0.1
    wide = left + len(models) * _CELL + _EDGE + 0.1
    figure = new_figure(max(wide, left + 1.6, 4.6), head + high + _GAP + _EDGE)
    room = float(figure.get_size_inches()[0]) - 2 * _EDGE
    title = fitted(data.title, room, LARGE)
    write_at(figure, _EDGE, _EDGE, title, size=LARGE, va="top")
    axes = axes_at(figure, left, head, len(models) * _CELL, high)
    axes.set_xlim(0, len(models))
    axes.set_ylim(len(data.rows) + len(families), 0)
    axes.axis("off")
    for at, one in enumerate(models):
        write_at(
            figure, left + (at + 0.5) * _CELL, head - 0.06, names[one.name],
            rotation=90, ha="center", va="bottom",
        )  # fmt: skip
    write_at(
        figure, left - 0.1, head - 0.06, "n", size=SMALL, color=GREY, ha="right",
        va="bottom",
    )  # fmt: skip
    place, family = 0, None
    for row, name in zip(data.rows, shown, strict=True):
        if row.family != family:
            family = row.family
            text = fitted(family.replace("_", " "), left - _EDGE - 0.1)
            write_at(
                figure, _EDGE, head + (place + 0.58) * _ROW, text, weight="bold",
                va="center_baseline",
            )  # fmt: skip
            place += 1
        middle = head + (place + 0.5) * _ROW
        write_at(figure, _EDGE + 0.1, middle, name, va="center_baseline")
        write_at(
            figure, left - 0.1, middle, row.n, size=SMALL, color=GREY, ha="right",
            va="center_baseline",
        )  # fmt: skip
        for x, share in enumerate(row.shares):
            _cell(axes, x, place, share)
        place += 1
    _scale(figure, left, head + high + 0.16)
    return figure


def _cell(axes: Any, x: float, y: float, share: float | None) -> None:
    from matplotlib.patches import Rectangle

    if share is None:
        axes.add_artist(
            Rectangle(
                (x + 0.03, y + 0.03), 0.94, 0.94, linewidth=0, facecolor="white",
                edgecolor="#9a9a9a", hatch="//////",
            )
        )  # fmt: skip
        return
    colour = _colour(share / 100)
    axes.add_artist(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white"))
    red, green, blue = (part**2.2 for part in colour[:3])
    dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < _DARK
    axes.text(
        x + 0.5, y + 0.5, f"{share:.0f}", size=SMALL, ha="center",
        va="center_baseline", color="white" if dark else INK,
    )  # fmt: skip


@cache
def _colour(share: float) -> tuple[float, ...]:
    """Return a colour that is lighter the more it stands for, in grey too."""
    from matplotlib import colormaps

    return tuple(map(float, colormaps["cividis"](share)))


def _scale(figure: Any, left: float, top: float) -> None:
    """Draw what the colours stand for."""
    from matplotlib.patches import Rectangle

    axes = axes_at(figure, left, top, 1.2, 0.1)
    for step in range(21):
        colour = _colour(step / 20)
        axes.add_patch(Rectangle((step, 0), 1, 1, facecolor=colour, edgecolor=colour))
    axes.set_xlim(0, 21)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for place, text in ((0.0, "0"), (0.6, "50"), (1.2, "100 %")):
        write_at(
            figure, left + place, top + 0.13, text, size=SMALL, va="top", ha="center"
        )
