"""A report as LaTeX tables with booktabs' rules."""

from __future__ import annotations

from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.tables import Entry, Table, number, tables_of


_SPECIAL = {
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


def as_latex(report: Report) -> str:
    """Return the tables, to be put in a document that loads booktabs."""
    start = "% \\usepackage[T1]{fontenc}\n% \\usepackage{booktabs,textcomp}\n"
    return "\n".join([start, *map(_table, tables_of(report))])


def escape(text: str) -> str:
    r"""Return a text that LaTeX sets as it is.

    >>> escape("50%_a")
    '50\\%\\_a'
    """
    escaped = "".join(_SPECIAL.get(c, c) for c in " ".join(text.split()))
    return escaped.replace("--", "-{}-").replace("--", "-{}-")  # no dashes


def _table(table: Table) -> str:
    head = " & ".join(["model", *map(escape, table.columns)])
    rows = [
        " & ".join([escape(model), *map(_entry, entries)]) + r" \\"
        for model, entries in table.rows.items()
    ]
    notes = []
    if table.has_runs():
        notes.append(r"$\pm$ standard deviation over runs, their number in brackets")
    if table.marked():
        notes.append(r"$^\dagger$ not as in the paper")
    caption = ". ".join([escape(table.title), *notes])
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


def _entry(entry: Entry) -> str:
    if entry.measure is None:
        return "--"
    text = number(entry.measure, r"$\pm$")
    mark = r"$^\dagger$" if entry.marked else ""
    return (rf"\textbf{{{text}}}" if entry.best else text) + mark
