"""The curves of a sweep as a picture: two scores against the weight, by language."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError
from lm_eval_iberian.report.sweep_report import CurvePoint, SweepReport
from lm_eval_iberian.report.sweep_scores import Score
from lm_eval_iberian.report.swept_series import SweptSeries, merge_name
from lm_eval_iberian.report.tables import LANGUAGES


PICTURES = ("pdf", "png", "svg")
# Okabe and Ito's palette, which colour-blind readers tell apart, without its yellow
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = ("o", "^", "s", "D", "v", "P", "X")
# where two curves lie on each other, both are seen
_DASHES = ("-", (0, (4, 2)), (0, (6, 1.5, 1.5, 1.5)), (0, (2, 1.5)))
_BASELINES = {
    "instruct": ("#000000", (0, (5, 2))),
    "expert": ("#555555", (0, (1, 1.5))),
    "base": ("#999999", (0, (3, 1.5, 1, 1.5))),
}
# of scores that are no shares: how far apart a logarithmic axis shows them
_SPAN = 4.0
_LABEL = 36
_Which = Literal["language", "following"]
Series = tuple[str, tuple[tuple[str, str], ...]]


def draw(report: SweepReport, path: Path) -> bytes:
    """Return the picture of a sweep, in the format that a file's suffix says.

    A column of panels for each language: above, the score of the language, below, that
    of instruction following; a line for each series, a mark for a merge alone, dashed
    lines across for the baselines. Bars are standard deviations over runs, or standard
    errors over items.

    Raises:
        UnknownNameError: There is no such format.
        MissingExtraError: matplotlib is not installed.
        DataError: The sweep has nothing that could be drawn.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in PICTURES:
        raise UnknownNameError("format of a picture", form, PICTURES)
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "a picture is drawn with matplotlib, which is not installed:"
            " pip install 'lm-eval-iberian[demo]'"
        ) from error
    drawn = [
        one for one in report.curves if one.series is None or one.value is not None
    ]
    langs = list(dict.fromkeys(one.lang for one in drawn if _drawable(one)))
    if not langs:
        rule = report.view.rule
        raise DataError(
            f"{report.sweep.path} has no merge with a number to draw it at and a value"
            f" of {rule.language.header} or {rule.following.header}"
        )
    figure = Figure(figsize=(2.2 + 3.6 * len(langs), 6.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(langs), sharex=True, sharey="row", squeeze=False)
    looks = _looks(drawn)
    for column, lang in enumerate(langs):
        here = [one for one in drawn if one.lang == lang]
        _panel(panels[0][column], here, "language", looks)
        _panel(panels[1][column], here, "following", looks)
        panels[0][column].set_title(LANGUAGES.get(lang, lang), fontsize=12)
        panels[1][column].set_xlabel(_parameter(here))
    _label(panels, drawn, report)
    _legend(figure, panels, columns=min(4, 1 + len(langs)))
    picture = io.BytesIO()
    # the same bytes for the same numbers
    with matplotlib.rc_context({"svg.hashsalt": "iberian", "svg.fonttype": "none"}):
        plain = {"Software": None} if form == "png" else {_DATE[form]: None}
        figure.savefig(picture, dpi=160, format=form, metadata=plain)
    return picture.getvalue()


_DATE = {"svg": "Date", "pdf": "CreationDate"}


def _drawable(point: CurvePoint) -> bool:
    scores = (point.language, point.following)
    return point.series is not None and any(one.measure is not None for one in scores)


def _key(series: SweptSeries) -> Series:
    return series.method, tuple(series.settings.items())


def _looks(points: Iterable[CurvePoint]) -> dict[Series, tuple[str, dict[str, Any]]]:
    """Return for every series its name and how it looks, the same in every panel."""
    keys = dict.fromkeys(_key(one.series) for one in points if one.series is not None)
    looks = {}
    for at, (method, settings) in enumerate(keys):
        same = [dict(others) for name, others in keys if name == method]
        told = {k: v for k, v in settings if any(one.get(k) != v for one in same)}
        looks[method, settings] = (
            merge_name(method, told),
            {
                "color": _COLOURS[at % len(_COLOURS)],
                "marker": _MARKS[at % len(_MARKS)],
                "linestyle": _DASHES[at % len(_DASHES)],
            },
        )
    return looks


def _panel(
    panel: Any,
    points: Sequence[CurvePoint],
    which: _Which,
    looks: Mapping[Series, tuple[str, dict[str, Any]]],
) -> None:
    for one in points:
        measure = _score(one, which).measure
        if one.series is None and measure is not None:
            colour, dashes = _BASELINES[one.model.role]
            panel.axhline(
                measure.value, color=colour, linestyle=dashes, linewidth=1.4,
                label=one.model.role, zorder=1,
            )  # fmt: skip
    for key, (name, look) in looks.items():
        mine = [p for p in points if p.series is not None and _key(p.series) == key]
        measures = [_score(one, which).measure for one in mine]
        if any(one is not None for one in measures):
            xs = [one.value for one in mine]
            # a line breaks where a point is missing
            ys = [math.nan if one is None else one.value for one in measures]
            errors = [(one and (one.sd or one.stderr)) or 0.0 for one in measures]
            panel.errorbar(
                xs, ys, yerr=errors if any(errors) else None, label=name,
                markersize=6, linewidth=1.6, elinewidth=0.9, capsize=2, zorder=2,
                markeredgecolor="white", markeredgewidth=0.6, **look,
            )  # fmt: skip
    panel.grid(alpha=0.25, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)


def _label(panels: Any, points: Sequence[CurvePoint], report: SweepReport) -> None:
    """Say what the two rows are, and stretch what goes over powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    rule = report.view.rule
    for row, name, found in (
        (panels[0], rule.language, [one.language for one in points]),
        (panels[1], rule.following, [one.following for one in points]),
    ):
        metric = found[0].metric
        unit = ", %" if metric.scale == 100 else ""
        way = "\n(less is better)" if metric.lower_is_better else ""
        row[0].set_ylabel(f"{fill(f'{name.header}{unit}', _LABEL)}{way}")
        values = [one.measure.value for one in found if one.measure is not None]
        least = min(values, default=0.0)
        if metric.scale != 100 and 0 < _SPAN * least < max(values):
            for panel in row:
                panel.set_yscale("log")
                panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                panel.yaxis.set_major_formatter(ScalarFormatter())
                panel.yaxis.set_minor_formatter(NullFormatter())


def _legend(figure: Any, panels: Any, columns: int) -> None:
    found: dict[str, Any] = {}
    for panel in panels.flat:
        handles, names = panel.get_legend_handles_labels()
        for handle, name in zip(handles, names, strict=True):
            found.setdefault(name, handle)
    figure.legend(
        found.values(), found, loc="outside lower center",
        ncols=columns, fontsize=9, frameon=False, handlelength=3.5,
    )  # fmt: skip


def _parameter(points: Iterable[CurvePoint]) -> str:
    names = dict.fromkeys(one.series.parameter for one in points if one.series)
    return " or ".join(filter(None, names))


def _score(point: CurvePoint, which: _Which) -> Score:
    return point.language if which == "language" else point.following
