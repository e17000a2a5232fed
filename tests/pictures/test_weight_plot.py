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
from lm_eval_iberian.pictures.picture_files import as_bytes
from lm_eval_iberian.pictures.picture_style import picture_style
from lm_eval_iberian.pictures.weight_curves import (
    Curve,
    CurveAxis,
    CurvePanel,
    WeightCurves,
    gather_curves,
)
from lm_eval_iberian.pictures.weight_plot import draw_curves, sweep_picture
from lm_eval_iberian.stats.estimate import Estimate


def words_of(data: WeightCurves) -> set[str]:
    with picture_style():
        text = as_bytes(draw_curves(data), "svg", "curves").decode()
    return set(re.findall(r">([^<>\n]+)</text>", text))


@pytest.mark.slow
def test_it_has_a_line_for_every_method_and_baseline(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    report = reported(tmp_path / "sweep")
    text = sweep_picture(report, Path("figure.svg")).decode()
    words = set(re.findall(r">([^<>\n]+)</text>", text))
    assert words >= {
        "linear", "fused_task_arithmetic", "base", "instruct", "expert", "Galician",
        "weight", "the language's average, %", "IFEval, %",
    }  # fmt: skip
    # nearswap has a t, and is no point of this axis
    assert "nearswap" not in words
    assert sweep_picture(report, Path("figure.svg")).decode() == text
    assert sweep_picture(report, Path("figure.png")).startswith(b"\x89PNG")
    assert sweep_picture(report, Path("figure.pdf")).startswith(b"%PDF")


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
    sweep_picture(reported(tmp_path / "sweep"), Path("figure.svg"))
    xs, language = drawn[0]
    assert xs == [0.5, 1, 2]
    assert (language[0], math.isnan(language[1]), language[2]) == (50, True, 25)


def test_the_best_point_is_ringed_and_said(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    data = gather_curves(reported(tmp_path / "sweep"))
    (panel,) = data.panels
    assert {one.name: one.best for one in panel.curves} == {
        "linear": 0.5,
        "fused_task_arithmetic": 0.25,
    }
    assert "Ringed: the highest mean of the language's average and IFEval" in (
        data.caption
    )
    assert "No intervals" in data.caption
    alone = MadeSweep(tmp_path / "alone")
    alone.merges("linear", {"0.5": (0.5, 0.5)})
    alone_data = gather_curves(reported(tmp_path / "alone"))
    assert [one.best for one in alone_data.panels[0].curves] == [None]
    assert "Ringed" not in alone_data.caption
    assert "the best of each series" in words_of(data)
    assert "the best of each series" not in words_of(alone_data)


def test_bands_reach_as_far_as_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    bands, arms = [], []
    fill_between, errorbar = Axes.fill_between, Axes.errorbar

    def fill(axes: Axes, xs: Any, lows: Any, highs: Any, **more: Any) -> Any:
        bands.append((list(lows), list(highs)))
        return fill_between(axes, xs, lows, highs, **more)

    def bar(axes: Axes, xs: Any, ys: Any, yerr: Any = None, **more: Any) -> Any:
        arms.append(yerr)
        return errorbar(axes, xs, ys, yerr=yerr, **more)

    monkeypatch.setattr(Axes, "fill_between", fill)
    monkeypatch.setattr(Axes, "errorbar", bar)
    known = [Estimate(50, 45, 56), Estimate(60, 58, 62), None, Estimate(40, 30, 50)]
    known.append(Estimate(30, why="no standard error"))
    curve = Curve("linear", (0.25, 0.5, 1, 1.5, 2), tuple(known), (None,) * 5)
    panel = CurvePanel("Basque", "weight", (curve,))
    words_of(WeightCurves((panel,), CurveAxis("EU"), CurveAxis("IFEval")))
    lows, highs = bands[0]
    assert (lows[:2], highs[:2]) == ([45, 58], [56, 62])
    assert list(map(math.isnan, lows)) == [False, False, True, False, True]
    # the one between two gaps has no band: it gets a bar
    (down, up) = arms[0]
    assert (down[3], up[3]) == (10, 10)
    assert [at for at in range(5) if not math.isnan(down[at])] == [3]


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_methods(tmp_path / "sweep")
    with pytest.raises(UnknownNameError, match="Available: pdf, png, svg"):
        sweep_picture(reported(tmp_path / "sweep"), Path("figure.gif"))
    sweep = MadeSweep(tmp_path / "other")
    sweep.model("linear-gl", {"own": following("eu", 0.5)}, method="linear")
    with pytest.raises(DataError, match="no merge with a number to draw it at"):
        sweep_picture(reported(tmp_path / "other"), Path("figure.png"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"lm-eval-iberian\[pictures\]"):
        sweep_picture(reported(tmp_path / "sweep"), Path("figure.png"))
