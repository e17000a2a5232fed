"""Names in pictures: printable, short enough, and where they disturb nothing."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from textwrap import wrap
from typing import Any

from lm_eval_iberian.pictures.picture_style import DPI, LETTERS, NORMAL
from lm_eval_iberian.terminal import one_line


_CUT = "…"
# how much of what stays of a name is after the cut: the first that tells names apart
_TAILS = (0.5, 0.3, 0.7, 0.15, 0.85, 0.0, 1.0)


@cache
def _renderer(dpi: int) -> Any:
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, dpi)


@lru_cache(100_000)
def width_of(text: str, size: float = NORMAL) -> float:
    """Return how wide a line is, in inches.

    Wide letters count as the squares that they are where a font has them, or as the
    boxes that matplotlib draws for them, whichever is wider.
    """
    narrow = "".join(c for c in text if unicodedata.east_asian_width(c) not in "WF")
    found = _measured(text, size)
    if narrow != text:
        squares = (len(text) - len(narrow)) * size / 72
        found = max(found, _measured(narrow, size) + squares)
    return found


def _measured(text: str, size: float) -> float:
    from matplotlib.font_manager import FontProperties

    if not text:
        return 0.0
    font = FontProperties(family=LETTERS, size=size)
    # letters snap to pixels in a PNG, and to none in an SVG
    return max(
        float(_renderer(dpi).get_text_width_height_descent(text, font, False)[0]) / dpi
        for dpi in (DPI, 720)
    )


def height_of(lines: int = 1, size: float = NORMAL) -> float:
    """Return how high lines are, in inches."""
    return lines * 1.25 * size / 72


def fitted(
    text: str, width: float, size: float = NORMAL, tail: float = _TAILS[0]
) -> str:
    """Return a text as one printable line, some of it cut out where it is too wide.

    Args:
        text: The text.
        width: In inches.
        size: Of the letters.
        tail: Which share of what stays stands after the cut.
    """
    line = one_line(text)
    if width_of(line, size) <= width:
        return line
    low, high = 0, len(line)
    while low < high:  # how many letters may stay
        middle = (low + high + 1) // 2
        if width_of(_cut(line, middle, tail), size) <= width:
            low = middle
        else:
            high = middle - 1
    return _cut(line, low, tail)


def _cut(line: str, stay: int, tail: float) -> str:
    after = round(stay * tail)
    return f"{line[: stay - after]}{_CUT}{line[len(line) - after :]}"


def fitted_names(
    names: Iterable[str], width: float, size: float = NORMAL
) -> dict[str, str]:
    """Return every name as it is shown; no two are shown alike.

    Args:
        names: The names.
        width: How wide they may be, in inches.
        size: Of the letters.
    """
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        alike.setdefault(fitted(name, width, size), []).append(name)
    cuts = {
        name: fitted(name, width, size, _telling(group, width, size))
        for group in alike.values()
        for name in group
    }
    shown: dict[str, str] = {}
    for name in dict.fromkeys(names):
        text, count = cuts[name], 1
        while text in shown.values():
            count += 1
            mark = f" ({count})"
            text = fitted(name, width - width_of(mark, size), size) + mark
        shown[name] = text
    return shown


def _telling(names: Sequence[str], width: float, size: float) -> float:
    """Return where to cut so that most of some names can be told from each other."""
    return max(
        _TAILS,
        key=lambda tail: len({fitted(one, width, size, tail) for one in names}),
    )


def in_lines(text: str, width: float, size: float = NORMAL, most: int = 3) -> str:
    """Return a text in lines that are narrow enough, cut after so many."""
    line = one_line(text)
    letters = max(8, int(len(line) * width / max(width_of(line, size), 1e-9)))
    lines = [one for one in wrap(line, letters) if one] or [""]
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return "\n".join(fitted(one, width, size) for one in lines)


@dataclass(frozen=True)
class Box:
    """A rectangle, in points; ``x`` and ``y`` its lower left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def over(self, other: Box) -> float:
        """Return the area that both cover."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0.0, wide) * max(0.0, high)

    def within(self, other: Box) -> bool:
        """Return whether it is inside another."""
        return (
            self.x >= other.x
            and self.y >= other.y
            and self.x + self.width <= other.x + other.width
            and self.y + self.height <= other.y + other.height
        )


def placed(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    inside: Box,
    others: Sequence[Box],
) -> list[Box]:
    """Return a place for the label of each point, near it and on nothing else.

    Labels are placed one by one, as near as there is room and nearer to their own point
    than to other marks; one that has none anywhere stands where it covers the least.

    Args:
        anchors: The points.
        sizes: Width and height of each label.
        inside: What no label leaves.
        others: What no label is to cover.
    """
    taken: list[Box] = []
    for (x, y), (width, height) in zip(anchors, sizes, strict=True):
        best: tuple[float, float, Box] | None = None
        for radius, angle in _around():
            box = Box(
                x + radius * math.cos(angle) - width / 2 * (1 - math.cos(angle)),
                y + radius * math.sin(angle) - height / 2 * (1 - math.sin(angle)),
                width,
                height,
            )
            if not box.within(inside):
                continue
            labels = sum(box.over(one) for one in taken)
            marks = sum(box.over(one) for one in others)
            unclear = mistaken(box, (x, y), others)
            cost = (labels * 100 + marks + unclear * 4, radius, box)
            if best is None or cost[:2] < best[:2]:
                best = cost
            if not cost[0]:
                break
        if best is None:
            box = Box(inside.x, inside.y, width, height)
            best = (0.0, 0.0, box)
        taken.append(best[2])
    return taken


def mistaken(box: Box, anchor: tuple[float, float], others: Sequence[Box]) -> float:
    """Return by how much too near a label is to the mark of another point."""
    own = math.dist(box.middle, anchor)
    away = [math.dist(box.middle, other.middle) for other in others]
    apart = [math.dist(anchor, other.middle) > 1 for other in others]
    nearest = min(
        (d for d, is_other in zip(away, apart, strict=True) if is_other),
        default=math.inf,
    )
    return max(0.0, own + 2 - nearest)


@cache
def _around() -> tuple[tuple[float, float], ...]:
    """Return places around a point, the nearest first, each radius from upper right."""
    return tuple(
        (radius, math.pi * (1 / 4 + step / 8))
        for radius in (7, 10, 14, 19, 25, 32, 40, 50, 62, 76, 92, 110, 135, 160, 200)
        for step in range(16)
    )
