"""Numbers beside points, and below them a key with the names of the points.

Names are too long to stand between points; a number is nearest to its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_iberian.pictures.picture_labels import (
    Box,
    fitted,
    height_of,
    mistaken,
    placed,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import GREY, SMALL, write_at


# points by their place, with their numbers and names
Named = Mapping[int, tuple[str, str]]
Place = tuple[float, float]
# of more names the key has two columns
_ONE_COLUMN = 12
# in inches; in points, how much room a mark takes
_LINE, _NUMBER, _MARK = height_of(1, SMALL), 0.2, 8.0


def name_points(names: Mapping[int, str], width: float) -> Named:
    """Return points numbered, their names short enough for the key.

    Args:
        names: The names by the points' places, in the order of the numbers.
        width: Of the key, in inches.
    """
    column = width if len(names) <= _ONE_COLUMN else width / 2
    return {
        place: (str(number), fitted(name, column - _NUMBER - 0.1, SMALL))
        for number, (place, name) in enumerate(names.items(), 1)
    }


def key_height(named: Named) -> float:
    """Return how high a key is, in inches."""
    return _rows(named) * _LINE


def _rows(named: Named) -> int:
    return -(-len(named) // 2) if len(named) > _ONE_COLUMN else len(named)


def write_key(figure: Any, named: Named, place: Place, width: float) -> None:
    """Write the numbers and names.

    Args:
        figure: The figure.
        named: The points.
        place: The upper left corner of the key, in inches from that of the figure.
        width: Of the key, in inches.
    """
    left, top = place
    for at, texts in enumerate(named.values()):
        column, row = divmod(at, _rows(named))
        start = left + column * width / 2
        # two texts: a name from right to left would take the number to its end
        for x, text in zip((start, start + _NUMBER), texts, strict=True):
            write_at(figure, x, top + row * _LINE, text, size=SMALL, va="top")


def write_numbers(axes: Any, named: Named, places: Sequence[Place]) -> None:
    """Write the numbers beside their points, where they cover nothing.

    Args:
        axes: What the points are in; its scale must not change any more.
        named: The points that have a number.
        places: Where all points are.
    """
    scale = 72 / axes.figure.dpi
    points = [(x * scale, y * scale) for x, y in axes.transData.transform(places)]
    marks = [Box(x - _MARK / 2, y - _MARK / 2, _MARK, _MARK) for x, y in points]
    where: dict[tuple[int, int], list[str]] = {}
    for place, (number, _) in named.items():
        x, y = points[place]
        where.setdefault((round(x), round(y)), []).append(number)
    texts = [_together(numbers) for numbers in where.values()]
    inside = Box(*(float(v) * scale for v in axes.get_window_extent().bounds))
    sizes = [(72 * width_of(text, SMALL) + 2, SMALL * 1.1) for text in texts]
    found = placed([(float(x), float(y)) for x, y in where], sizes, inside, marks)
    line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0}
    for point, box, text in zip(where, found, texts, strict=True):
        axes.annotate(
            text, point, box.middle, size=SMALL,
            xycoords="figure points", textcoords="figure points",
            ha="center", va="center_baseline", zorder=6,
            # where another mark is as near, a line says which one is meant
            arrowprops=line if mistaken(box, point, marks) else None,
        )  # fmt: skip


def _together(numbers: Sequence[str]) -> str:
    """Return the numbers of points that lie on each other."""
    values = [int(one) for one in numbers]
    if len(values) > 2 and values[-1] - values[0] == len(values) - 1:
        return f"{values[0]}–{values[-1]}"
    more = " …" if len(values) > 3 else ""
    return ", ".join(numbers[:3]) + more
