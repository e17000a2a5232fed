"""Values with intervals and differences with all that is said of them, for subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.comparison.sample_row import SampleRow
from lm_eval_iberian.comparison.subject import Subject
from lm_eval_iberian.report.model_report import Note, Report
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.stats.estimate import Estimate


@dataclass(frozen=True)
class CompareOptions:
    """How models are compared.

    Args:
        allow_mixed: Go on where settings differ, and say so in every row.
        benchmarks: Whether an average's benchmarks are the ones that matter
            (``fixed``), or a draw from more of their kind (``random``).
        resamples: How many, of the bootstrap.
        key: What the draws are made of.
    """

    allow_mixed: bool = False
    benchmarks: Literal["fixed", "random"] = "fixed"
    resamples: int = 10_000
    key: int = 1234


class Comparer:
    """Reads samples once, and answers questions about subjects.

    Args:
        subjects: The models; no two share a name.
        catalogue: The benchmarks and averages.
        options: How they are compared.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        catalogue: Catalogue,
        options: CompareOptions | None = None,
    ) -> None:
        self.subjects = {one.name: one for one in subjects}
        self.catalogue = catalogue
        self.options = options or CompareOptions()

    def estimate(self, subject: str, name: str, metric: str = "") -> Estimate | None:
        """Return a value with its interval, ``None`` where there is no value.

        Args:
            subject: The model.
            name: A benchmark's id (a mini's too), or an average's column.
            metric: lm-eval's name; left out, the one that counts. Of an average it is
                the column's own.
        """
        raise NotImplementedError

    def compare(
        self, a: str, b: str, name: str, metric: str = ""
    ) -> ComparisonRow | None:
        """Return how ``b`` differs from the baseline ``a``, without Holm's p.

        ``None`` where one of the two has no value.

        Args:
            a: The baseline's name.
            b: The other's.
            name: A benchmark's id, or an average's column.
            metric: lm-eval's name; left out, the one that counts.

        Raises:
            DataError: Their settings differ and ``allow_mixed`` is not set, or their
                samples do not pair.
        """
        raise NotImplementedError

    def rows(self, subject: str, benchmark: str) -> list[list[SampleRow]]:
        """Return the samples of a benchmark, a list for each run, in the file's order.

        Empty where no samples lie beside the results.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ComparisonReport:
    """Everything that was compared.

    Args:
        comparer: To ask for more.
        baseline: The name of the model that the others are held against.
        rows: The comparisons, in the order of the tables, with Holm's p over them all.
        notes: What a reader must know.
        inputs: The files that were read.
    """

    comparer: Comparer
    baseline: str
    rows: tuple[ComparisonRow, ...]
    notes: tuple[Note, ...] = ()
    inputs: tuple[str, ...] = field(default=())


def subjects_of(report: Report) -> list[Subject]:
    """Return every model of a report that has a result, in the order of their names."""
    raise NotImplementedError


def compare_all(comparer: Comparer, baseline: str) -> ComparisonReport:
    """Compare every subject with the baseline, on all that both have.

    Raises:
        DataError: The two have nothing in common, or their settings differ.
    """
    raise NotImplementedError
