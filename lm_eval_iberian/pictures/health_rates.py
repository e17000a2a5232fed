"""Whether answers stop, run on, loop, …: rates by model, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_eval_iberian.comparison import Comparer, SampleRow
from lm_eval_iberian.health import RATES
from lm_eval_iberian.pictures.dot_plot import DotBand, DotColumn, draw_dots
from lm_eval_iberian.pictures.models_shown import ModelChoice, ModelsShown
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.tables import language_name
from lm_eval_iberian.stats import (
    Estimate,
    ItemCounts,
    estimate_of,
    ratio,
)


# of so few models, so many rates stand beside each other
_FEW, _BESIDE = 12, 4


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
            " Lines are 95 % intervals, within 0 and 100; hollow: none is known; –: not"
            f" measured.{self.models.sentence}"
        )


def gather_health(comparer: Comparer, choice: ModelChoice) -> Iterator[HealthRates]:
    """Yield the rates of every set of prompts whose answers were examined."""
    catalogue = comparer.catalogue
    for key, benchmark in catalogue.every().items():
        if not set(catalogue.kind_of(benchmark).metrics) & set(RATES):
            continue
        models = choice.of_benchmark(key)
        found = [_rates(comparer, one.name, key) for one in models.models]
        columns = tuple(
            DotColumn(directed(rate), tuple(row.get(rate) for row in found))
            for rate in RATES
            if any(rate in row for row in found)
        )
        if columns:
            title = _title(benchmark)
            yield HealthRates(key, title, models, health_bands(title, columns, models))


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


def directed(rate: str) -> str:
    """Return what a rate is called, with whether more of it is better."""
    return f"{RATES[rate]} {'↑' if rate == 'stop_rate' else '↓'}"


def _title(benchmark: ReportedBenchmark) -> str:
    lang = language_name(benchmark.lang)
    return f"{benchmark.name}, {lang}: health of answers"


def _rates(comparer: Comparer, subject: str, key: str) -> dict[str, Estimate]:
    """Return the rates that are known; those in no benchmark's list of its samples."""
    cell = comparer.subjects[subject].model.cell(key)
    if cell is None:
        return {}
    found: dict[str, Estimate] = {}
    runs = comparer.rows(subject, key)
    listed = comparer.catalogue.kind_of(cell.benchmark).metrics
    for rate in RATES:
        known = comparer.estimate(subject, key, rate) if rate in listed else None
        counts = [_counts(run, rate) for run in runs] if known is None else []
        if known is not None:
            found[rate] = known
        elif counts and all(one is not None for one in counts):
            found[rate] = estimate_of([one for one in counts if one is not None])
    return found


def _counts(run: Sequence[SampleRow], rate: str) -> ItemCounts | None:
    """Return what a run's samples say of a rate, in the order of their items."""
    said = [row.sample.get(rate) for row in sorted(run, key=lambda row: row.key)]
    if not said or not all(isinstance(one, bool) for one in said):
        return None
    counts = np.array([[float(bool(one)), 1.0] for one in said])
    clusters = np.arange(len(said))
    return ItemCounts(counts, clusters, ratio(100.0), ratio=True, binary=True)


def draw_health(data: HealthRates) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    return draw_dots(data.models.models, data.bands)
