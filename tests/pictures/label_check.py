"""Draws a figure and asserts that every text in it can be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


# how far boxes may reach into each other, in pixels at 100 dpi: they are rounded up
_SLACK = 1.0


@dataclass(frozen=True)
class Drawn:
    """A text that was drawn, and the pixels that it takes."""

    text: str
    box: Any


def drawn_texts(figure: Any) -> list[Drawn]:
    """Return every text that is drawn, ticks out of sight not among them."""
    from matplotlib.text import Text

    found: dict[int, Text] = {}
    draw = Text.draw

    def spy(text: Text, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            found[id(text)] = text
        draw(text, renderer)

    with patch.object(Text, "draw", spy):
        figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    return [
        Drawn(text.get_text(), Text.get_window_extent(text, renderer))
        for text in found.values()
    ]


def _beside(texts: Sequence[Drawn]) -> Iterator[tuple[Drawn, Drawn]]:
    """Yield the pairs that share a part of the width."""
    ordered = sorted(texts, key=lambda one: one.box.x0)
    for at, one in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if other.box.x0 > one.box.x1:
                break
            yield one, other


def check_labels(figure: Any) -> list[str]:
    """Return the texts of a figure.

    Raises:
        AssertionError: A text leaves the figure, or two are on each other.
    """
    texts = drawn_texts(figure)
    wide, high = figure.canvas.get_width_height()
    for one in texts:
        box = one.box
        assert all(map(math.isfinite, box.extents)), one.text
        assert box.x0 >= -_SLACK, f"{one.text!r} leaves on the left: {box}"
        assert box.y0 >= -_SLACK, f"{one.text!r} leaves below: {box}"
        assert box.x1 <= wide + _SLACK, f"{one.text!r} leaves on the right: {box}"
        assert box.y1 <= high + _SLACK, f"{one.text!r} leaves above: {box}"
    for one, other in _beside(texts):
        a, b = one.box, other.box
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        up = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= _SLACK or up <= _SLACK, (
            f"{one.text!r} and {other.text!r} are on each other: {a}, {b}"
        )
    return [one.text for one in texts]
