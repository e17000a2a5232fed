"""Draw what models scored: pictures for papers and pages.

Every picture is drawn from plain data that a function gathers first, so that it can be
drawn of made-up numbers too. matplotlib, of the extra ``pictures``, is loaded when
something is drawn.
"""

from __future__ import annotations

from lm_eval_iberian.pictures.all_pictures import (
    Drawing,
    Picture,
    draw_all,
    drawings,
    svg_of,
)
from lm_eval_iberian.pictures.frontier_plot import frontier_picture
from lm_eval_iberian.pictures.weight_plot import sweep_picture


__all__ = [
    "Drawing",
    "Picture",
    "draw_all",
    "drawings",
    "frontier_picture",
    "svg_of",
    "sweep_picture",
]
