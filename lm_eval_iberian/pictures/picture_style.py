"""How every picture looks: colours, marks, dashes, hatches, letters.

No picture says anything by colour alone: colours of Okabe and Ito, which colour-blind
readers tell apart, stand together with a mark, a dash or a hatch.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from lm_eval_iberian.errors import MissingExtraError


# Okabe and Ito's palette without its yellow, which is too light for a line
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = ("o", "^", "s", "D", "v", "P", "X")
# where two curves lie on each other, both are seen
DASHES = ("-", (0, (4, 2)), (0, (6, 1.5, 1.5, 1.5)), (0, (2, 1.5)))
# a bar is told by how light it is and by its hatch
FILLS = ("#0072B2", "#E69F00", "#9ad0bd", "#CC79A7", "#D55E00", "#cfe8f7")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----")
INK, GREY, PALE = "#000000", "#6b6b6b", "#d9d9d9"
# of models that are no merges: colour, dashes, mark
BASELINES: dict[str, tuple[str, Any, str]] = {
    "instruct": ("#000000", (0, (5, 2)), "s"),
    "expert": ("#555555", (0, (1, 1.5)), "D"),
    "base": ("#999999", (0, (3, 1.5, 1, 1.5)), "^"),
}
SMALL, NORMAL, LARGE = 7.5, 9.0, 11.0
DPI = 160  # of a PNG
LETTERS = "DejaVu Sans"  # comes with matplotlib
# letters that it does not have, of fonts that may be there
_MORE_LETTERS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "IPAGothic",
    "Noto Sans Arabic", "Noto Sans Hebrew",
)  # fmt: skip


@contextmanager
def picture_style(key: str = "iberian") -> Iterator[None]:
    """Draw in the style of this project, whatever the reader's own settings are.

    Args:
        key: What the identifiers in an SVG are made of.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError(
            "a picture is drawn with matplotlib, which is not installed:"
            " pip install 'lm-eval-iberian[pictures]'"
        ) from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        # a letter that no font has is drawn as a box; an SVG has it as a letter
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        matplotlib.rcParams["svg.hashsalt"] = key
        matplotlib.rcParams["font.family"] = [LETTERS, *_more_letters()]
        yield


# names are not formulas; the same bytes for the same numbers
_SETTINGS = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.size": NORMAL,
    "axes.titlesize": LARGE,
    "axes.labelsize": NORMAL,
    "xtick.labelsize": NORMAL,
    "ytick.labelsize": NORMAL,
    "legend.fontsize": NORMAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
}


@cache
def _more_letters() -> tuple[str, ...]:
    from matplotlib import font_manager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    there = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in _MORE_LETTERS if name in there)


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure, in inches, that no window belongs to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def axes_at(
    figure: Any, left: float, top: float, width: float, height: float, **more: Any
) -> Any:
    """Return axes at a place that is given in inches from the upper left corner."""
    wide, high = figure.get_size_inches()
    return figure.add_axes(
        (left / wide, 1 - (top + height) / high, width / wide, height / high), **more
    )


def write_at(figure: Any, left: float, top: float, text: str, **more: Any) -> Any:
    """Write a text at a place in inches from the upper left corner."""
    wide, high = figure.get_size_inches()
    return figure.text(left / wide, 1 - top / high, text, **more)


def plain_ticks(axis: Any, most: int = 6) -> None:
    """Give an axis few round numbers, each of which can be read by itself."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def logarithmic(axes: Any) -> None:
    """Stretch the upright axis over powers of ten, and keep its numbers plain."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def plain(value: float) -> str:
    """Return a number as an axis has it: 0.25, −20, 1.5e18."""
    text = f"{value:.6g}"
    if "e" in text:
        digits, _, power = f"{value:.3g}".partition("e")
        text = f"{digits}e{int(power or 0)}"
    return "0" if text == "-0" else text.replace("-", "−")


def curve_look(at: int) -> dict[str, Any]:
    """Return colour, mark and dashes of the curve at a place; grey tells them apart."""
    return {
        "color": COLOURS[at % len(COLOURS)],
        "marker": MARKS[at % len(MARKS)],
        "linestyle": DASHES[at % len(DASHES)],
    }
