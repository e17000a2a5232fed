"""Numbers of cells: a value with its interval, and how much two models differ.

They are had of the items, and where there are none of the errors that lm-eval stored.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lm_eval_iberian.comparison.comparison_words import (
    only_common,
    why_no_pairs,
    why_not_paired,
)
from lm_eval_iberian.comparison.counted_cells import CountedCells, results_of_runs
from lm_eval_iberian.comparison.item_pairing import Paired, numbered, pair_items
from lm_eval_iberian.comparison.sample_items import Lacking
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.stats import (
    Difference,
    Estimate,
    ItemCounts,
    average_difference,
    average_estimate,
    estimate_of,
    paired_difference,
    stored_average,
    stored_average_difference,
    stored_difference,
)


@dataclass(frozen=True)
class CompareOptions:
    """How models are compared.

    Args:
        allow_mixed: Go on where settings differ, and say so in every row.
        benchmarks: Whether an average's benchmarks are the ones that matter
            (``fixed``), or a draw from more of their kind (``random``).
        resamples: How many, of the bootstrap.
        key: What the draws are made of.
        keep_going: Take stored standard errors where samples cannot be used, and say
            so.
    """

    allow_mixed: bool = False
    benchmarks: Literal["fixed", "random"] = "fixed"
    resamples: int = 10_000
    key: int = 1234
    keep_going: bool = False


class CellDifference(NamedTuple):
    """How two models differ on some cells.

    Attributes:
        difference: In numbers.
        note: Why it is not paired, in words; empty where it is.
        mixed: Of each benchmark of which only a part is paired, of which.
    """

    difference: Difference
    note: str
    mixed: list[str]


class CellNumbers:
    """Computes values of cells, and differences.

    Args:
        counted: What was counted in them.
        options: How models are compared.
    """

    def __init__(self, counted: CountedCells, options: CompareOptions) -> None:
        self._items, self._options = counted, options

    def estimate(self, cells: Sequence[Cell], metric: str) -> Estimate:
        """Return the mean of a model's cells, each counting the same.

        Raises:
            DataError: Its samples cannot be used.
        """
        parts: list[Sequence[ItemCounts]] = []
        for cell in cells:
            runs = self._items.runs(cell, metric)
            paired = None if isinstance(runs, Lacking) else pair_items(runs)
            if paired is None or not paired.whole:
                break
            parts.append(paired.runs)
        resamples, key = self._options.resamples, self._options.key
        if len(parts) < len(cells):
            return stored_average(
                [_stored_value(cell, metric) for cell in cells],
                together=_families(cells),
                benchmarks=self._options.benchmarks,
            )
        if len(parts) == 1:
            return estimate_of(numbered(parts)[0], resamples=resamples, key=key)
        return average_estimate(
            numbered(parts), together=_families(cells),
            benchmarks=self._options.benchmarks, resamples=resamples, key=key,
        )  # fmt: skip

    def difference(
        self, a: str, b: str, mine: Sequence[Cell], theirs: Sequence[Cell], metric: str
    ) -> CellDifference:
        """Return how much more ``b`` has than the baseline ``a``.

        Args:
            a: The baseline's name.
            b: The other's.
            mine: The cells of the baseline.
            theirs: Those of the other, of the same benchmarks.
            metric: lm-eval's name.

        Raises:
            DataError: Their samples do not pair or cannot be used.
        """
        pairs = [
            (one, other, self._paired(a, b, one, other, metric))
            for one, other in zip(mine, theirs, strict=True)
        ]
        mixed = [
            only_common(one.benchmark.id, paired)
            for one, _, paired in pairs
            if isinstance(paired, Paired) and not paired.whole
        ]
        note = why_not_paired(
            [(one, found) for one, _, found in pairs if isinstance(found, Lacking)],
            len(pairs),
        )
        if note:
            difference = stored_average_difference(
                [self._benchmark_difference(*pair, metric) for pair in pairs],
                together=_families(mine),
                benchmarks=self._options.benchmarks,
            )
        else:
            difference = self._paired_difference(
                [(one, found) for one, _, found in pairs if isinstance(found, Paired)]
            )
        return CellDifference(difference, note, mixed)

    def _paired(
        self, a: str, b: str, one: Cell, other: Cell, metric: str
    ) -> Paired | Lacking:
        """Return the runs of two cells paired, those of the first before the others.

        Raises:
            DataError: Some items are not in all of them, and that is not allowed.
        """
        mine = self._items.runs(one, metric)
        theirs = self._items.runs(other, metric)
        if isinstance(mine, Lacking):
            return Lacking(f"{mine.why} ({a})")
        if isinstance(theirs, Lacking):
            return Lacking(f"{theirs.why} ({b})")
        paired = pair_items([*mine, *theirs])
        if paired.whole:
            return paired
        text = why_no_pairs(a, b, one, paired, len(mine))
        if not self._options.allow_mixed and not self._options.keep_going:
            raise DataError(text)
        return paired if paired.common and self._options.allow_mixed else Lacking(text)

    def _benchmark_difference(
        self, mine: Cell, theirs: Cell, paired: Paired | Lacking, metric: str
    ) -> Difference:
        if isinstance(paired, Paired):
            return self._paired_difference([(mine, paired)])
        return stored_difference(
            stored_average([_stored_value(mine, metric)]),
            stored_average([_stored_value(theirs, metric)]),
        )

    def _paired_difference(self, parts: Sequence[tuple[Cell, Paired]]) -> Difference:
        runs = numbered([paired.runs for _, paired in parts])
        counts = [len(results_of_runs(cell)) for cell, _ in parts]
        pairs = [(r[:at], r[at:]) for r, at in zip(runs, counts, strict=True)]
        resamples, key = self._options.resamples, self._options.key
        if len(pairs) == 1:
            return paired_difference(*pairs[0], resamples=resamples, key=key)
        return average_difference(
            pairs, together=_families([cell for cell, _ in parts]),
            benchmarks=self._options.benchmarks, resamples=resamples, key=key,
        )  # fmt: skip


def _stored_value(cell: Cell, metric: str) -> Estimate:
    """Return a value with the standard error that lm-eval stored.

    Of a mean over runs, which are of the same items, it is that of a single run: more
    than it would be, and never less.
    """
    measure = cell.measures[metric]
    stderr = measure.stderr
    errors = [result.measures[metric].stderr for result in cell.results]
    known = [error for error in errors if error is not None]
    if len(measure.runs) > 1 and len(known) == len(errors):
        stderr = statistics.fmean(error**2 for error in known) ** 0.5
    runs = max(1, len(measure.runs))
    return Estimate(measure.value, None, None, stderr, cell.n, None, runs, "stored")


def _families(cells: Sequence[Cell]) -> list[str]:
    return [cell.benchmark.family for cell in cells]
