"""A report's tables as text: Markdown, aligned to be read as it is, and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from lm_eval_iberian.report.model_report import Note, Report
from lm_eval_iberian.report.sweep_report import SweepReport, notes_with, stand_alone
from lm_eval_iberian.report.table_entries import Entry, Table, interval_text
from lm_eval_iberian.report.tables import empty_columns, tables_of


# an underscore within a word is one, and *-EU no emphasis; all else may start markup
_MARKDOWN = re.compile(r"[\\`\[\]<>|~&$#!]|(?<=\S)\*|\*(?!-)|(?<![^\W_])_|_(?![^\W_])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # after \\ they would be its arguments
    "*": "{*}",
    "[": "{[}",
    "]": "{]}",
    **{c: f"\\{c}" for c in "#$%&_{}"},
}

_IN_MARKDOWN = {
    "best": "bold",
    "second": "italic",
    "as_good": "≈",
    "interval": "[ ]: 95 % interval",
    "marked": "† not as in the paper, see the notes",
}
_IN_LATEX = {
    "best": "bold",
    "second": "underlined",
    "as_good": r"$\approx$",
    "interval": r"in square brackets: 95\,\% interval",
    "marked": r"$^\dagger$ not as in the paper",
}


def as_markdown(report: Report, sweeps: Sequence[SweepReport] = ()) -> str:
    """Return the tables, those of sweeps first, then the notes."""
    return tables_as_markdown(_tables(report, sweeps), report, sweeps)


def tables_as_markdown(
    tables: Iterable[Table], report: Report, sweeps: Sequence[SweepReport] = ()
) -> str:
    """Return tables of a report, then its notes and those of sweeps."""
    parts = [_markdown_table(table) for table in tables]
    notes = list(_notes(report, sweeps))
    if notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in notes) + "\n")
    return "\n".join(parts)


def _tables(report: Report, sweeps: Sequence[SweepReport]) -> list[Table]:
    of_sweeps = [one for sweep in sweeps for one in sweep.tables]
    return of_sweeps if stand_alone(sweeps) else [*of_sweeps, *tables_of(report)]


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line.

    >>> escape_markdown("a|b <i> some_name _x_")
    'a\\\\|b \\\\<i\\\\> some_name \\\\_x\\\\_'
    """
    return _MARKDOWN.sub(lambda m: f"\\{m[0]}", " ".join(text.split()))


def _markdown_table(table: Table) -> str:
    header = [table.first, *map(escape_markdown, table.columns)]
    rows = [
        [escape_markdown(model), *(_markdown_entry(one, table) for one in entries)]
        for model, entries in table.rows.items()
    ]
    foot = table.explained(_IN_MARKDOWN)
    text = markdown_table(table.title, [header, *rows])
    text += f"\n{'; '.join(foot)}\n" if foot else ""
    return text + "".join(f"\n{escape_markdown(one)}.\n" for one in table.foot)


def markdown_table(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table below its title, aligned to be read as it is.

    Args:
        title: The title.
        rows: Cells that are Markdown, the first row the header; all but the first of a
            row are numbers.
    """
    widths = [max(3, *(len(row[at]) for row in rows)) for at in range(len(rows[0]))]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    lines = [_line(row, widths) for row in (rows[0], rule, *rows[1:])]
    return f"## {escape_markdown(title)}\n\n" + "\n".join(lines) + "\n"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
    return f"| {' | '.join(cells)} |"


def _markdown_entry(entry: Entry, table: Table) -> str:
    if entry.text:
        return escape_markdown(entry.text)
    if entry.measure is None:
        return "–"
    text = table.written(entry.measure)
    if entry.best or entry.second:
        text = f"**{text}**" if entry.best else f"*{text}*"
    text += ("≈" if entry.as_good else "") + ("†" if entry.marked else "")
    return text if entry.interval is None else f"{text} {interval_text(entry.interval)}"


def _notes(report: Report, sweeps: Sequence[SweepReport]) -> Iterator[str]:
    empty = [] if stand_alone(sweeps) else empty_columns(report)
    if empty:
        yield escape_markdown(f"no result at all for {', '.join(empty)}")
    yield from map(markdown_note, notes_with(report, sweeps))


def markdown_note(note: Note) -> str:
    """Return a note, its kind in bold."""
    about = f"{escape_markdown(note.about)}: " if note.about else ""
    return f"**{note.kind}** {about}{escape_markdown(note.text)}"


def as_latex(report: Report, sweeps: Sequence[SweepReport] = ()) -> str:
    """Return the tables, to be put in a document that loads booktabs."""
    start = "% \\usepackage[T1]{fontenc}\n% \\usepackage{booktabs,textcomp}\n"
    return "\n".join([start, *map(_latex_table, _tables(report, sweeps))])


def escape_latex(text: str) -> str:
    r"""Return a text that LaTeX sets as it is.

    >>> escape_latex("50%_a")
    '50\\%\\_a'
    """
    escaped = "".join(_LATEX.get(c, c) for c in " ".join(text.split()))
    return escaped.replace("--", "-{}-").replace("--", "-{}-")  # no dashes


def _latex_table(table: Table) -> str:
    head = " & ".join([table.first, *map(escape_latex, table.columns)])
    rows = [
        " & ".join([escape_latex(model), *(latex_entry(e, table) for e in entries)])
        + r" \\"
        for model, entries in table.rows.items()
    ]
    caption = ". ".join([escape_latex(table.title), *latex_notes(table)])
    return "\n".join(
        [
            r"\begin{table}[ht]",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex_notes(table: Table, escape: Callable[[str], str] = escape_latex) -> list[str]:
    """Return what a table's marks stand for, and its foot."""
    return [*table.explained(_IN_LATEX, r"$\pm$"), *map(escape, table.foot)]


def latex_entry(entry: Entry, table: Table) -> str:
    """Return what stands in a cell, without its interval."""
    if entry.text:
        return escape_latex(entry.text)
    if entry.measure is None:
        return "--"
    text = table.written(entry.measure, r"$\pm$")
    if entry.best or entry.second:
        text = rf"\{'textbf' if entry.best else 'underline'}{{{text}}}"
    text += r"$^{\approx}$" if entry.as_good else ""
    return text + (r"$^\dagger$" if entry.marked else "")
