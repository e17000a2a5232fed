"""What models score in each language: averages with intervals, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.pictures.dot_plot import DotBand, DotColumn, draw_dots
from lm_eval_iberian.pictures.models_shown import (
    ModelChoice,
    ModelShown,
    ModelsShown,
)
from lm_eval_iberian.pictures.picture_labels import (
    fitted,
    fitted_names,
    height_of,
    in_lines,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import (
    FILLS,
    GREY,
    HATCHES,
    INK,
    LARGE,
    axes_at,
    new_figure,
    plain_ticks,
    write_at,
)
from lm_eval_iberian.pictures.score_estimates import ScoreEstimates
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric
from lm_eval_iberian.report.tables import average_entry, language_name, language_titles


TITLE = "Scores by language"
# of more models bars cannot be told apart
MOST_BARS = 6
# in inches
_BAR, _BETWEEN, _HIGH, _LEFT, _EDGE = 0.19, 0.3, 2.1, 1.0, 0.15
_WIDEST, _NARROWEST = 11.0, 3.3
# blocks that are shown: the others are of other metrics of the same answers
_BLOCKS = ("accuracy", "bleu", "ifeval")


@dataclass(frozen=True)
class LanguageScores:
    """Scores of models, by language.

    Args:
        models: The models.
        bands: Averages on one scale each, or where nothing has one, benchmarks.
        about: What the bands are of, in words.
    """

    models: ModelsShown
    bands: tuple[DotBand, ...]
    about: str

    @property
    def caption(self) -> str:
        """What a reader must know."""
        values = [v for band in self.bands for c in band.columns for v in c.values]
        known = any(v is not None and v.low is not None for v in values)
        said = "Lines are 95 % intervals" if known else "No intervals are known"
        if any(v is not None and v.low is None for v in values) and known:
            said += "; a value without one has none that could be told"
        lacking = "; –: no value." if None in values else "."
        return f"{self.about} {said}{lacking}{self.models.sentence}"


def gather_language_scores(comparer: Comparer, choice: ModelChoice) -> LanguageScores:
    """Return what models score: averages, or benchmarks where no average is whole.

    Raises:
        DataError: There is no score at all.
    """
    blocks = [comparer.catalogue.blocks[key] for key in _BLOCKS]
    columns = {name for block in blocks for name in block.columns}
    models = choice.having(
        lambda model: any(
            model.averages[name].value is not None
            for name in columns & model.averages.keys()
        )
    )
    bands = tuple(_averages(comparer, models.models))
    if bands:
        return LanguageScores(models, bands, "Averages of benchmarks, by language.")
    models = choice.having(lambda model: bool(model.cells or model.minis))
    bands = tuple(_benchmarks(comparer, models.models, comparer.catalogue))
    if not bands:
        raise DataError("no model has a value of any average or benchmark")
    return LanguageScores(
        models, bands, "Benchmarks by language; no average has all of its benchmarks."
    )


def _averages(comparer: Comparer, models: Sequence[ModelShown]) -> Iterator[DotBand]:
    estimates = ScoreEstimates(comparer)
    for key in _BLOCKS:
        block = comparer.catalogue.blocks[key]
        columns = []
        for name in block.columns:
            values = []
            for one in models:
                report = comparer.subjects[one.name].model
                measure = average_entry(report, name).measure
                values.append(estimates.estimate(one.name, name, measure))
            if any(value is not None for value in values):
                columns.append(DotColumn(_language(name), tuple(values)))
        if columns:
            yield DotBand(
                block.title, _unit(comparer.catalogue.metrics[block.metric]),
                tuple(columns),
            )  # fmt: skip


def _benchmarks(
    comparer: Comparer, models: Sequence[ModelShown], catalogue: Catalogue
) -> Iterator[DotBand]:
    estimates = ScoreEstimates(comparer)
    for minis in (False, True):
        listed = catalogue.minis() if minis else catalogue.benchmarks
        grouped: dict[tuple[str, str], list[DotColumn]] = {}
        for key, benchmark in listed.items():
            metric = catalogue.kind_of(benchmark).metrics[0]
            values = []
            for one in models:
                report = comparer.subjects[one.name].model
                cell = (report.minis if minis else report.cells).get(key)
                measure = None if cell is None else cell.measures.get(metric)
                values.append(estimates.estimate(one.name, key, measure))
            if any(value is not None for value in values):
                column = DotColumn(benchmark.name, tuple(values))
                grouped.setdefault((benchmark.lang, metric), []).append(column)
        for (lang, metric), columns in grouped.items():
            title = language_name(lang) + (", mini sets" if minis else "")
            unit = _unit(catalogue.metrics[metric])
            yield DotBand(title, unit, tuple(columns))


def _unit(metric: Metric) -> str:
    return f"{metric.label}, %" if metric.scale == 100 else metric.label


def _language(column: str) -> str:
    """Return what a column is called below the title of its block."""
    code = column.removeprefix("IFEval ")
    return language_titles().get(code.lower(), code)


def draw_language_scores(data: LanguageScores) -> Any:
    """Return the figure, with bars for a few models, with dots for many."""
    models = data.models.models
    group = len(models) * _BAR + _BETWEEN
    widest = max(len(band.columns) for band in data.bands) * max(group, 0.8)
    if len(models) > MOST_BARS or widest > _WIDEST:
        return draw_dots(models, data.bands)
    return _draw_bars(data, max(group, 0.8))


def _draw_bars(data: LanguageScores, group: float) -> Any:
    models, bands = data.models.models, data.bands
    most = max(len(band.columns) for band in bands)
    group = max(group, _NARROWEST / most)
    wide = _LEFT + most * group + _EDGE
    names = fitted_names([one.name for one in models], wide - 0.8)
    columns = max(1, int((wide - 0.2) / (max(map(width_of, names.values())) + 0.65)))
    legend = height_of(-(-len(models) // columns)) * 1.3 + 0.15
    head, foot = height_of(1, LARGE) + 0.15, height_of(2) + 0.25
    figure = new_figure(wide, _EDGE + len(bands) * (head + _HIGH + foot) + legend)
    for at, band in enumerate(bands):
        top = _EDGE + at * (head + _HIGH + foot)
        title = fitted(band.title, wide - _LEFT - _EDGE, LARGE)
        write_at(figure, _LEFT, top, title, size=LARGE, va="top")
        axes = axes_at(figure, _LEFT, top + head, len(band.columns) * group, _HIGH)
        for place in range(len(models)):
            shift = (place - (len(models) - 1) / 2) * _BAR / group
            for x, column in enumerate(band.columns):
                value = column.values[place]
                if value is None:
                    axes.text(
                        x + shift, 0, "–", color=GREY, ha="center", va="bottom",
                        size=7,
                    )  # fmt: skip
                    continue
                axes.bar(
                    x + shift, value.value, _BAR / group * 0.88, **_look(place)
                )  # fmt: skip
                if value.low is not None and value.high is not None:
                    axes.plot(
                        [x + shift] * 2, [value.low, value.high], color="white",
                        linewidth=2.6, solid_capstyle="butt",
                    )  # fmt: skip
                    axes.errorbar(
                        x + shift, value.value, color=INK, elinewidth=1, capsize=2,
                        yerr=[[value.value - value.low], [value.high - value.value]],
                    )  # fmt: skip
        axes.set_xlim(-0.5, len(band.columns) - 0.5)
        axes.set_xticks(range(len(band.columns)))
        axes.set_xticklabels(
            [in_lines(one.title, group - 0.06, most=2) for one in band.columns]
        )
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel(in_lines(band.unit, _HIGH, most=2))
        axes.grid(axis="y", alpha=0.3, linewidth=0.6)
        axes.axhline(0, color=INK, linewidth=0.8)
        plain_ticks(axes.yaxis, 5)
    figure.legend(
        [_patch(place) for place in range(len(models))], list(names.values()),
        loc="lower center", ncols=columns,
        frameon=False, borderaxespad=0.3, handlelength=2.2, handleheight=1.1,
    )  # fmt: skip
    return figure


def _look(place: int) -> dict[str, Any]:
    return {
        "facecolor": FILLS[place], "hatch": HATCHES[place], "edgecolor": INK,
        "linewidth": 0.6,
    }  # fmt: skip


def _patch(place: int) -> Any:
    from matplotlib.patches import Patch

    return Patch(**_look(place))
