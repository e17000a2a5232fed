"""What was counted in every run of a benchmark: each file of samples is read once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_iberian.comparison.item_pairing import CountedRun, counted_run
from lm_eval_iberian.comparison.sample_items import Lacking
from lm_eval_iberian.comparison.scored_items import (
    Numbers,
    ScoredItems,
    read_scored_items,
)
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Result


class CountedCells:
    """Reads the samples of results, and keeps the numbers.

    Args:
        catalogue: The benchmarks and metrics.
        keep_going: Take samples that cannot be used for none.
    """

    def __init__(self, catalogue: Catalogue, keep_going: bool) -> None:
        self.catalogue, self.keep_going = catalogue, keep_going
        # the files that were read
        self.samples: dict[Path, None] = {}
        self._numbers = Numbers()
        self._read: dict[tuple[str, str, str], ScoredItems | Lacking] = {}

    def scored(
        self, result: Result, benchmark: ReportedBenchmark
    ) -> ScoredItems | Lacking:
        """Return the items of a result, or why they cannot be looked at.

        Raises:
            DataError: Its samples cannot be used, and that is not to be passed over.
        """
        key = (str(result.path), result.setting.task, benchmark.id)
        if key not in self._read:
            samples = result.samples_path()
            self.samples |= {} if samples is None else {samples: None}
            try:
                self._read[key] = read_scored_items(
                    result, benchmark, self.catalogue, self._numbers
                )
            except DataError as error:
                self._read[key] = self._passed_over(error)
        return self._read[key]

    def runs(self, cell: Cell, metric: str) -> list[CountedRun] | Lacking:
        """Return what was counted in every run of a cell, or why it cannot be.

        Raises:
            DataError: Its samples cannot be used, and that is not to be passed over.
        """
        found = []
        for results in results_of_runs(cell):
            run = self._run(results, cell.benchmark, metric)
            if isinstance(run, Lacking):
                return run
            found.append(run)
        return found

    def _run(
        self, results: Sequence[Result], benchmark: ReportedBenchmark, metric: str
    ) -> CountedRun | Lacking:
        parts = []
        for result in results:
            part = self.scored(result, benchmark)
            if isinstance(part, Lacking):
                return part
            parts.append(part)
        try:
            return counted_run(parts, metric)
        except DataError as error:
            return self._passed_over(error)

    def _passed_over(self, error: DataError) -> Lacking:
        if not self.keep_going:
            raise DataError(
                f"{error}; evaluate again, or pass --keep-going to go by the standard"
                " errors in the results"
            ) from error
        return Lacking(str(error))


def results_of_runs(cell: Cell) -> list[list[Result]]:
    """Return the results of each run: one, but of a benchmark in parts one a part."""
    parts = {task for p in cell.benchmark.parts for task in cell.benchmark.tasks_of(p)}
    if cell.results[0].setting.task in parts:
        return [list(cell.results)]
    return [[result] for result in cell.results]
