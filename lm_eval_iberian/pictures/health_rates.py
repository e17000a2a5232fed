"""Whether answers stop, run on, loop, …: rates by model, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from scipy.stats import binomtest

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.health.examination import RATES
from lm_eval_iberian.pictures.dot_plot import DotBand, DotColumn, draw_dots
from lm_eval_iberian.pictures.models_shown import ModelsShown
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.tables import LANGUAGES
from lm_eval_iberian.stats.estimate import LEVEL, Estimate


# of so few models, so many rates stand beside each other
_FEW, _BESIDE = 12, 4
_TITLES = {
    "stop_rate": "stops ↑",
    "no_stop_rate": "cut off ↓",
    "run_on_rate": "runs on ↓",
    "loop_rate": "loops ↓",
    "empty_rate": "empty ↓",
    "unclosed_thought_rate": "unclosed thought ↓",
    "copied_prompt_rate": "copies the prompt ↓",
    "off_language_rate": "other language ↓",
}


@dataclass(frozen=True)
class HealthRates:
    """The health of models' answers to one set of prompts.

    Args:
        key: What the picture's file is named for.
        title: Of which prompts.
        models: The models.
        bands: The rates.
    """

    key: str
    title: str
    models: ModelsShown
    bands: tuple[DotBand, ...]

    @property
    def caption(self) -> str:
        """What a reader must know."""
        return (
            "Shares of answers; ↑ more is better, ↓ less is."
            " Lines are 95 % intervals, Wilson's where there is one run; –: not"
            f" measured.{self.models.sentence}"
        )


def gather_health(comparer: Comparer, models: ModelsShown) -> Iterator[HealthRates]:
    """Yield the rates of every set of prompts whose answers were examined."""
    catalogue = comparer.catalogue
    for listed in (catalogue.benchmarks, catalogue.minis()):
        for key, benchmark in listed.items():
            if not set(catalogue.kind_of(benchmark).metrics) & set(RATES):
                continue
            found = [_rates(comparer, one.name, key) for one in models.models]
            columns = tuple(
                DotColumn(_TITLES[rate], tuple(row.get(rate) for row in found))
                for rate in RATES
                if any(rate in row for row in found)
            )
            if columns:
                title = _title(benchmark, catalogue)
                yield HealthRates(
                    key, title, models, health_bands(title, columns, models)
                )


def health_bands(
    title: str, columns: Sequence[DotColumn], models: ModelsShown
) -> tuple[DotBand, ...]:
    """Return rates side by side; of a few models in two bands, which are narrower."""
    unit = "% of answers"
    if len(models.models) > _FEW or len(columns) <= _BESIDE:
        return (DotBand(title, unit, tuple(columns), whole=True),)
    return (
        DotBand(title, unit, tuple(columns[:_BESIDE]), whole=True),
        DotBand("", unit, tuple(columns[_BESIDE:]), whole=True),
    )


def _title(benchmark: ReportedBenchmark, catalogue: Catalogue) -> str:
    lang = LANGUAGES.get(benchmark.lang, benchmark.lang)
    return f"{benchmark.name}, {lang}: health of answers"


def _rates(comparer: Comparer, subject: str, key: str) -> dict[str, Estimate]:
    report = comparer.subjects[subject].model
    cell = report.cells.get(key) or report.minis.get(key)
    if cell is None:
        return {}
    found: dict[str, Estimate] = {}
    runs = comparer.rows(subject, key)
    for rate in RATES:
        counts = [
            [
                bool(row.sample[rate])
                for row in run
                if isinstance(_said(row, rate), bool)
            ]
            for run in runs
        ]
        counts = [run for run in counts if run]
        if len(counts) == 1:
            found[rate] = share_of(sum(counts[0]), len(counts[0]))
        elif rate in cell.measures:
            value = cell.measures[rate].value
            known = _estimate(comparer, subject, key, rate)
            if not cell.measures[rate].runs and cell.n:
                known = known or share_of(round(value * cell.n / 100), cell.n)
            found[rate] = known or Estimate(value, why="of several runs")
        elif counts:
            value = 100 * fmean(sum(run) / len(run) for run in counts)
            found[rate] = Estimate(
                value, n=len(counts[0]), runs=len(counts), why="of several runs"
            )
    return found


def _said(row: Any, rate: str) -> object:
    return row.sample.get(rate)


def _estimate(comparer: Comparer, subject: str, key: str, rate: str) -> Estimate | None:
    try:
        return comparer.estimate(subject, key, rate)
    except UnknownNameError:
        return None


def share_of(count: int, n: int) -> Estimate:
    """Return a share, in per cent, with Wilson's interval, which is never empty."""
    ends = binomtest(count, n).proportion_ci(LEVEL, method="wilson")
    return Estimate(
        100 * count / n, 100 * ends.low, 100 * ends.high, n=n, clusters=n,
        method="wilson",
    )  # fmt: skip


def draw_health(data: HealthRates) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    return draw_dots(data.models.models, data.bands)
