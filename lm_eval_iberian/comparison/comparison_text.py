"""A comparison to be read: tables in Markdown, and in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lm_eval_iberian.comparison.comparing import ComparisonReport
from lm_eval_iberian.comparison.comparison_row import SIGNIFICANT, ComparisonRow
from lm_eval_iberian.report.as_tables import (
    escape_latex,
    escape_markdown,
    markdown_note,
    markdown_table,
)
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.stats import Difference


# with more models than these, a table has the models of a benchmark below each other
_APART = 3
_NOTHING = "–"


@dataclass(frozen=True)
class ComparisonTable:
    """A table: what it is of, what stands first in its lines, and its lines."""

    title: str
    first: str
    lines: tuple[tuple[str, ComparisonRow], ...]


def tables_of_rows(report: ComparisonReport) -> list[ComparisonTable]:
    """Return a table for each model, or of many models one for each benchmark."""
    others = list(dict.fromkeys(row.b for row in report.rows))
    named = [(row, row_title(row, report.comparer.catalogue)) for row in report.rows]
    if len(others) <= _APART:
        return [
            ComparisonTable(
                f"{other} (B) against {report.baseline} (A)", "benchmark",
                tuple((title, row) for row, title in named if row.b == other),
            )
            for other in others
        ]  # fmt: skip
    return [
        ComparisonTable(
            f"{title}, against {report.baseline} (A)", "B",
            tuple((row.b, row) for row, own in named if own == title),
        )
        for title in dict.fromkeys(title for _, title in named)
    ]  # fmt: skip


def row_title(row: ComparisonRow, catalogue: Catalogue) -> str:
    """Return what a line is of: ``Belebele eu``, ``gl-en, BLEU``, ``average EU``."""
    metric = catalogue.metrics[row.metric]
    turned = " ↓" if metric.lower_is_better else ""
    if row.level == "average":
        alone = len(catalogue.columns()[row.benchmark].columns[row.benchmark]) == 1
        return (
            f"{row.benchmark}{turned}" if alone else f"average {row.benchmark}{turned}"
        )
    lang = "" if row.lang == "mt" else f" {row.lang}"
    label = "" if row.metric == "acc" else f", {metric.brief}"
    return f"{row.title}{lang}{label}{turned}"


HEADER = (
    "A", "B", "difference [95 %]", "p", "p (Holm)", "gained", "lost", "n (clusters)",
    "detectable",
)  # fmt: skip


def row_cells(row: ComparisonRow) -> list[str]:
    """Return what stands in a line, but for its first cell."""
    found = row.difference
    return [
        f"{found.a_value:.2f}",
        f"{found.b_value:.2f}",
        written_difference(found),
        written_p(found.p),
        written_p(row.p_holm),
        _changed(found.gained, found.gained_by_chance),
        _changed(found.lost, found.lost_by_chance),
        _items(found),
        _NOTHING if found.detectable is None else f"{found.detectable:.2f}",
    ]


def written_difference(found: Difference) -> str:
    """Return ``+4.70 [2.74, 6.66]``, without an interval the difference alone."""
    text = f"{found.difference:+.2f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{found.low:.2f}, {found.high:.2f}]"


def written_p(p: float | None) -> str:
    """Return a p with as many digits as anybody reads."""
    if p is None:
        return _NOTHING
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _changed(count: int | None, chance: float | None) -> str:
    if count is None:
        return _NOTHING
    return f"{count}" if chance is None else f"{count} (≤ {chance:.0f})"


def _items(found: Difference) -> str:
    if found.n is None:
        return _NOTHING
    same = found.clusters in (None, found.n)
    return f"{found.n}" if same else f"{found.n} ({found.clusters})"


@dataclass(frozen=True)
class Mark:
    """A mark behind a line's name: which lines have it, and what it says."""

    sign: str
    of: Callable[[ComparisonRow], bool]
    text: str


MARKS = (
    Mark(
        "†",
        lambda row: not row.difference.paired,
        "not paired: by the standard errors in the results, as if every item stood for"
        " itself and the two shared none",
    ),
    Mark("‡", lambda row: bool(row.mixed), "settings differ, see the notes"),
    Mark(
        "§",
        lambda row: row.level == "mini",
        "on a small set of its own, not on the paper's benchmark",
    ),
    Mark(
        "¶",
        lambda row: bool(row.difference.why),
        "why there is no interval, or a special one: see the notes",
    ),
)


def foot_of(report: ComparisonReport) -> Iterator[str]:
    """Yield what a reader of the tables must know, a short line each."""
    rows = report.rows
    yield (
        "difference: B - A, in points; p and interval are of each difference alone,"
        " p (Holm) is for all that are shown"
    )
    if any(row.is_significant for row in rows):
        yield (
            f"bold: p below {SIGNIFICANT:.2f}".replace("0.", ".")
            + f", adjusted by Holm for the {_tested(rows)} tests shown"
        )
    metrics = report.comparer.catalogue.metrics
    if any(metrics[row.metric].lower_is_better for row in rows):
        yield "↓ less is better"
    if any(row.difference.gained is not None for row in rows):
        yield "gained: items that A has wrong and B right; lost: the reverse"
    if any(row.difference.gained_by_chance is not None for row in rows):
        yield "in brackets: how many of them guessing explains at most"
    if any(row.difference.detectable is not None for row in rows):
        yield "detectable: the smallest difference this finds in four cases of five"
    for mark in MARKS:
        if any(map(mark.of, rows)):
            yield f"{mark.sign} {mark.text}"


def _tested(rows: Sequence[ComparisonRow]) -> int:
    return sum(row.difference.p is not None for row in rows)


def marks_of(row: ComparisonRow) -> str:
    """Return the marks of a line."""
    return "".join(mark.sign for mark in MARKS if mark.of(row))


def as_comparison_markdown(report: ComparisonReport) -> str:
    """Return the tables, what their marks mean, and the notes."""
    parts = [_markdown_table(table) for table in tables_of_rows(report)]
    parts.append("".join(f"- {escape_markdown(line)}\n" for line in foot_of(report)))
    if report.notes:
        lines = (f"- {markdown_note(note)}\n" for note in report.notes)
        parts.append("## Notes\n\n" + "".join(lines))
    return "\n".join(parts)


def _markdown_table(table: ComparisonTable) -> str:
    rows = [[table.first, *HEADER]]
    for name, row in table.lines:
        cells = [escape_markdown(f"{name}{marks_of(row)}"), *row_cells(row)]
        if row.is_significant:
            cells[3] = f"**{cells[3]}**"
        rows.append(cells)
    return markdown_table(table.title, rows)


# what the document must load
LATEX_START = (
    "% \\usepackage[T1]{fontenc}\n% \\usepackage{booktabs,graphicx,textcomp}\n"
)
_MINUS = re.compile(r"-(?=\d)")
_LATEX_MARKS = {
    "†": r"$^\dagger$", "‡": r"$^\ddagger$", "§": r"$^\S$", "¶": r"$^\P$",
    "≤": r"$\leq$", "–": "--", "↓": r"$\downarrow$",
}  # fmt: skip


def as_comparison_latex(report: ComparisonReport) -> str:
    """Return the tables, to be put in a document that loads booktabs and graphicx."""
    tables = [_latex_table(table, report) for table in tables_of_rows(report)]
    return "\n".join([LATEX_START, *tables])


def _latex(text: str) -> str:
    escaped = escape_latex(text)
    for sign, written in _LATEX_MARKS.items():
        escaped = escaped.replace(sign, written)
    return escaped


def _latex_table(table: ComparisonTable, report: ComparisonReport) -> str:
    lines = [[table.first, *map(_latex, HEADER)]]
    for name, row in table.lines:
        numbers = [latex_minus(_latex(cell)) for cell in row_cells(row)]
        cells = [_latex(f"{name}{marks_of(row)}"), *numbers]
        if row.is_significant:
            cells[3] = rf"\textbf{{{cells[3]}}}"
        lines.append(cells)
    caption = f"{_latex(table.title)}. {_latex('; '.join(foot_of(report)))}"
    return latex_table(caption, lines)


def latex_minus(text: str) -> str:
    """Return a text with a minus, not a hyphen, before every number below 0."""
    return _MINUS.sub("$-$", text)


def latex_table(caption: str, lines: Sequence[Sequence[str]]) -> str:
    """Return a table that is no wider than the text, however long a name is.

    Args:
        caption: What stands above it, in LaTeX, without its full stop.
        lines: The header and the rows, in LaTeX; numbers but for the first column.
    """
    head, *rows = (" & ".join(line) + r" \\" for line in lines)
    return "\n".join(
        [
            r"\begin{table}[ht]",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{caption}.}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{l{'r' * (len(lines[0]) - 1)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )
