"""The picture of a sweep."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from made_sweeps import MadeSweep, following, two_methods
from test_best_weight import reported

from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError
from lm_eval_iberian.pictures.weight_plot import draw


@pytest.mark.slow
def test_it_has_a_line_for_every_method_and_baseline(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    report = reported(tmp_path / "sweep")
    text = draw(report, Path("figure.svg")).decode()
    words = set(re.findall(r">([^<>\n]+)</text>", text))
    assert words >= {
        "linear", "fused_task_arithmetic", "base", "instruct", "expert", "Galician",
        "weight", "the language's average, %", "IFEval, %",
    }  # fmt: skip
    # nearswap has a t, and is no point of this axis
    assert "nearswap" not in words
    assert draw(report, Path("figure.svg")).decode() == text
    assert draw(report, Path("figure.png")).startswith(b"\x89PNG")
    assert draw(report, Path("figure.pdf")).startswith(b"%PDF")


def test_a_line_breaks_where_a_point_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    drawn = []
    errorbar = Axes.errorbar

    def spy(axes: Axes, xs: Any, ys: Any, **more: Any) -> Any:
        drawn.append((list(xs), list(ys)))
        return errorbar(axes, xs, ys, **more)

    monkeypatch.setattr(Axes, "errorbar", spy)
    sweep = MadeSweep(tmp_path / "sweep")
    sweep.merges("linear", {"0.5": (0.5, 0.25), "1": None, "2": (0.25, 0.5)})
    draw(reported(tmp_path / "sweep"), Path("figure.svg"))
    xs, language = drawn[0]
    assert xs == [0.5, 1, 2]
    assert (language[0], math.isnan(language[1]), language[2]) == (50, True, 25)


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_methods(tmp_path / "sweep")
    with pytest.raises(UnknownNameError, match="Available: pdf, png, svg"):
        draw(reported(tmp_path / "sweep"), Path("figure.gif"))
    sweep = MadeSweep(tmp_path / "other")
    sweep.model("linear-gl", {"own": following("eu", 0.5)}, method="linear")
    with pytest.raises(DataError, match="no merge with a number to draw it at"):
        draw(reported(tmp_path / "other"), Path("figure.png"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"lm-eval-iberian\[demo\]"):
        draw(reported(tmp_path / "sweep"), Path("figure.png"))
