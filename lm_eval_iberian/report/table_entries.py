"""What a table holds, whatever it is written in: its entries, and what marks mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.report_catalogue import Metric


# what a mark stands for, in a table with intervals
_MARKS = {
    "best": "{best}: the best",
    "second": "{second}: the second",
    "as_good": "{as_good}: not told from the best (p > .05, Holm over the column)",
}


@dataclass(frozen=True)
class Source:
    """Whose value an entry has, and of what: enough to ask for more about it.

    Args:
        model: The model, as the report calls it.
        score: A benchmark's id, or an average's column.
        metric: lm-eval's name; of an average, empty.
        among: Entries of a column that share it are held against each other; one
            without it is held against none.
    """

    model: str
    score: str
    metric: str = ""
    among: str = "all"


@dataclass(frozen=True)
class Entry:
    """What stands in a table at a model and a column.

    Args:
        measure: The value, ``None`` where there is none.
        best: Whether no other model's is better.
        marked: Whether a note says that it is not as in the paper.
        text: What stands there instead of a value.
        source: What the value is of, where that can be asked about.
        interval: The two ends of its interval, where there is one.
        second: Whether none but the best are better.
        as_good: Whether a test cannot tell it from the best.
    """

    measure: Measure | None
    best: bool = False
    marked: bool = False
    text: str = ""
    source: Source | None = None
    interval: tuple[float, float] | None = None
    second: bool = False
    as_good: bool = False


@dataclass(frozen=True)
class Table:
    """Models against columns.

    Args:
        title: What it is of.
        columns: What each column is called.
        rows: The entries of each row, by its name.
        first: What the names of the rows are.
        foot: Sentences that belong to it.
        errors: Whether standard errors are shown, where there are no runs.
    """

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Entry, ...]]
    first: str = "model"
    foot: tuple[str, ...] = ()
    errors: bool = False

    def marked(self) -> bool:
        """Return whether some entry refers to a note."""
        return any(entry.marked for entry in self._entries())

    def has_runs(self) -> bool:
        """Return whether some entry is a mean over runs."""
        return any(measure.runs for measure in self._measures())

    def has_errors(self) -> bool:
        """Return whether some entry is shown with its standard error."""
        return self.errors and any(m.stderr is not None for m in self._measures())

    def has_intervals(self) -> bool:
        """Return whether some entry is shown with its interval."""
        return any(entry.interval is not None for entry in self._entries())

    def explained(self, how: Mapping[str, str], plus_minus: str = "±") -> list[str]:
        """Return what the marks of its entries stand for.

        Args:
            how: What ``best``, ``second`` and ``as_good`` look like, and what is said
                of an ``interval`` and of ``marked``.
            plus_minus: What the sign looks like.
        """
        said = []
        if self.has_intervals():
            there = {n for n in _MARKS if any(getattr(e, n) for e in self._entries())}
            said += [_MARKS[name].format(**how) for name in _MARKS if name in there]
            said.append(how["interval"])
        if self.has_errors():
            said.append(f"{plus_minus} standard error over items")
        if self.has_runs():
            said.append(
                f"{plus_minus} standard deviation over runs, their number in brackets"
            )
        if self.marked():
            said.append(how["marked"])
        return said

    def written(self, measure: Measure, plus_minus: str = "±") -> str:
        """Return a value as the table has it."""
        if self.errors and measure.sd is None and measure.stderr is not None:
            return f"{measure.value:.2f} {plus_minus} {measure.stderr:.2f}"
        return number(measure, plus_minus)

    def _entries(self) -> Iterator[Entry]:
        for row in self.rows.values():
            yield from row

    def _measures(self) -> Iterator[Measure]:
        yield from (e.measure for e in self._entries() if e.measure is not None)


# what it is called, what it is of, and the entry of each model
Column = tuple[str, Metric, Mapping[str, Entry]]


def number(measure: Measure, plus_minus: str = "±") -> str:
    """Return a value with two decimals; over runs with deviation and their number."""
    text = f"{measure.value:.2f}"
    if measure.sd is None:
        return text
    return f"{text} {plus_minus} {measure.sd:.2f} ({len(measure.runs)})"


def interval_text(interval: tuple[float, float]) -> str:
    """Return an interval with so many decimals that its ends are not the same.

    >>> interval_text((49.83, 52.61)), interval_text((1.871, 1.894))
    ('[49.8, 52.6]', '[1.871, 1.894]')
    """
    low, high = interval
    width = high - low
    decimals = (
        1 if width >= 1 or width <= 0 else min(6, math.ceil(-math.log10(width)) + 1)
    )
    return f"[{low:.{decimals}f}, {high:.{decimals}f}]"
