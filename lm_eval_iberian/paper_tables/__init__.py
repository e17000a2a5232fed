"""The tables of "Merge and Conquer" with intervals, and what may be as good as best.

They are tables of ``report``: what is added is what a comparison knows of each value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.paper_tables.best_of_language import best_of_language
from lm_eval_iberian.paper_tables.described_table import described_tables, laid_out
from lm_eval_iberian.paper_tables.table_files import TABLE_FILES
from lm_eval_iberian.paper_tables.table_ranks import RankedEntry, ranked
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.sweep_report import SweepReport, stand_alone
from lm_eval_iberian.report.table_entries import Table


__all__ = ["TABLE_FILES", "RankedEntry", "ranked", "tables_with_intervals"]


def tables_with_intervals(
    report: Report,
    comparer: Comparer,
    sweeps: Sequence[SweepReport] = (),
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> list[Table]:
    """Return the paper's tables of what there are results of, in the paper's order.

    Args:
        report: The results.
        comparer: It knows every model of the report.
        sweeps: The sweeps; their tables of methods are among them.
        tick: Told how many columns are done, and of how many.

    Raises:
        DataError: Samples cannot be used.
    """
    tables = list(_laid_out(report, comparer, sweeps))
    of = sum(len(table.columns) for table in tables)
    done = 0

    def column_done() -> None:
        nonlocal done
        done += 1
        tick(done, of)

    return [ranked(table, comparer, column_done) for table in tables]


def _laid_out(
    report: Report, comparer: Comparer, sweeps: Sequence[SweepReport]
) -> Iterator[Table]:
    subjects = comparer.subjects
    roles = {name: subject.role for name, subject in subjects.items()}
    for described in described_tables():
        if described.methods:
            for sweep in sweeps:
                yield from sweep.tables
        elif described.best_by:
            table = best_of_language(described, report, subjects, sweeps)
            if table is not None:
                yield table
        elif not stand_alone(sweeps):
            yield from laid_out(described, report, roles)
