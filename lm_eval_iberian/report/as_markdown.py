"""A report as Markdown, aligned to be read as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lm_eval_iberian.report.model_report import Report, notes_of
from lm_eval_iberian.report.tables import (
    Entry,
    Table,
    empty_columns,
    number,
    tables_of,
)


# an underscore within a word is one, and *-EU no emphasis; all else may start markup
_MARKUP = re.compile(r"[\\`\[\]<>|~&$#!]|(?<=\S)\*|\*(?!-)|(?<![^\W_])_|_(?![^\W_])")


def as_markdown(report: Report) -> str:
    """Return the tables, then the notes."""
    parts = [_table(table) for table in tables_of(report)]
    notes = list(_notes(report))
    if notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in notes) + "\n")
    return "\n".join(parts)


def escape(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line.

    >>> escape("a|b <i> some_name _x_")
    'a\\\\|b \\\\<i\\\\> some_name \\\\_x\\\\_'
    """
    return _MARKUP.sub(lambda m: f"\\{m[0]}", " ".join(text.split()))


def _table(table: Table) -> str:
    header = ["model", *map(escape, table.columns)]
    rows = [
        [escape(model), *map(_entry, entries)] for model, entries in table.rows.items()
    ]
    widths = [
        max(3, *(len(row[i]) for row in (header, *rows))) for i in range(len(header))
    ]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    lines = [_line(row, widths) for row in (header, rule, *rows)]
    foot = []
    if table.has_runs():
        foot.append("± standard deviation over runs, their number in brackets")
    if table.marked():
        foot.append("† not as in the paper, see the notes")
    text = f"## {escape(table.title)}\n\n" + "\n".join(lines) + "\n"
    return text + (f"\n{'; '.join(foot)}\n" if foot else "")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
    return f"| {' | '.join(cells)} |"


def _entry(entry: Entry) -> str:
    if entry.measure is None:
        return "–"
    text = number(entry.measure)
    return (f"**{text}**" if entry.best else text) + ("†" if entry.marked else "")


def _notes(report: Report) -> Iterator[str]:
    empty = empty_columns(report)
    if empty:
        yield escape(f"no result at all for {', '.join(empty)}")
    for note in notes_of(report):
        start = f"{escape(note.about)}: " if note.about else ""
        yield f"**{note.kind}** {start}{escape(note.text)}"
