"""The sweeps that curves are of, one for each seed: found, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.frontier.method_curves import FrontierAsked
from lm_eval_iberian.report.model_report import Report, build_report
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.searched_folders import refuse_searched, refuse_searches_in
from lm_eval_iberian.report.sweep_results import (
    SWEEP_FILE,
    SweepResults,
    SweptModel,
    find_sweeps,
)
from lm_eval_iberian.report.sweep_scores import SweepScores
from lm_eval_iberian.report.swept_series import (
    SeriesKey,
    SweptSeries,
    series_key,
    series_of,
)


# what tells a series from others, and the languages of its experts
LangSeries = tuple[SeriesKey, tuple[str, ...]]


@dataclass
class SeedSweep:
    """A sweep with its report, and what its models are called among all sweeps'."""

    results: SweepResults
    report: Report
    scores: SweepScores
    series: dict[LangSeries, SweptSeries]
    mark: str = ""

    def subject(self, model: SweptModel) -> str:
        """Return what a model is called, among those of all sweeps."""
        return f"{model.called}{self.mark}"


def read_seed_sweeps(
    paths: Iterable[Path], catalogue: Catalogue, asked: FrontierAsked
) -> list[SeedSweep]:
    """Read sweeps; of several each model is called after its sweep too.

    Args:
        paths: Folders, searched to any depth for sweeps.
        catalogue: The benchmarks and averages.
        asked: What is swept, and whether to go on without results.

    Raises:
        DataError: There is no sweep, or one has no result or cannot be used.
        UnknownNameError: There is no such parameter.
    """
    sweeps = [_read(folder, catalogue, asked) for folder in _folders(paths)]
    if len(sweeps) > 1:
        for one in sweeps:
            one.mark = f" ({one.results.path})"
    return sweeps


def _folders(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist")
        refuse_searched(path)
        here = sorted(path.rglob(SWEEP_FILE)) if path.is_dir() else []
        if not here:
            refuse_searches_in(path)
            raise DataError(f"{path} holds no sweep: no {SWEEP_FILE} is in it")
        for file in here:
            found.setdefault(file.resolve(), file.parent)
    return list(found.values())


def _read(folder: Path, catalogue: Catalogue, asked: FrontierAsked) -> SeedSweep:
    sweeps = find_sweeps([folder], catalogue, {}, asked.keep_going)
    results = next(one for one in sweeps if one.path == folder)
    if len(results.missing) == len(results.cells):
        raise DataError(f"{folder}: no cell of the sweep has a result; run it first")
    report = build_report([folder / "cells"], keep_going=asked.keep_going, needed=False)
    found = series_of(results.merges, asked.swept)
    series = {(series_key(one), one.languages): one for one in found}
    return SeedSweep(results, report, SweepScores(results, report), series)
