"""The mean over benchmarks: every one of them, or none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.result import Measure


@dataclass(frozen=True)
class Average:
    """The mean of some benchmarks, each of equal weight.

    Args:
        metric: Of which metric.
        measures: The value of each benchmark that has one, by id.
        missing: The ids of those that have none.
        limited: Whether some value is of a part of the items.
    """

    metric: str
    measures: Mapping[str, Measure]
    missing: tuple[str, ...] = ()
    limited: bool = False

    @property
    def complete(self) -> bool:
        """Whether every benchmark has a value."""
        return not self.missing

    @property
    def value(self) -> float | None:
        """The mean, ``None`` unless it is complete."""
        return mean(self._values()) if self.complete else None

    @property
    def partial(self) -> float | None:
        """The mean of those that are there; not the average, unless it is complete."""
        return mean(self._values()) if self.measures else None

    @property
    def stderr(self) -> float | None:
        """The standard error over items, benchmarks taken as independent."""
        errors = [m.stderr for m in self.measures.values() if m.stderr is not None]
        if not self.complete or len(errors) < len(self.measures):
            return None
        return math.sqrt(math.fsum(error**2 for error in errors)) / len(errors)

    @property
    def sd(self) -> float | None:
        """The standard deviation over runs, where it is of one benchmark."""
        only = list(self.measures.values())
        return only[0].sd if len(only) == 1 and self.complete else None

    @property
    def runs(self) -> int:
        """The number of runs, where it is of one benchmark."""
        only = list(self.measures.values())
        return max(1, len(only[0].runs)) if len(only) == 1 else 1

    def _values(self) -> list[float]:
        return [measure.value for measure in self.measures.values()]


def mean(values: Sequence[float]) -> float:
    """Return the mean; of equal values, the value itself."""
    return math.fsum(values) / len(values)


def average_of(
    cells: Mapping[str, Cell], benchmarks: Sequence[str], metric: str
) -> Average:
    """Return the average of a metric over benchmarks.

    Args:
        cells: A model's cells by benchmark.
        benchmarks: The ids of those to average.
        metric: Which of their values.
    """
    there = [i for i in benchmarks if i in cells and metric in cells[i].measures]
    return Average(
        metric=metric,
        measures={i: cells[i].measures[metric] for i in there},
        missing=tuple(i for i in benchmarks if i not in there),
        limited=any(cells[i].limited() for i in there),
    )
