r"""Tables with intervals as LaTeX that stays on the page.

An interval stands below its value, in small type. A table with many columns is cut into
several, one with many rows goes on over pages (longtable), and what is still too wide
for the page it is put on is made smaller there. How values and intervals look is said
in macros, which a document may define otherwise before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lm_eval_iberian.report.as_tables import escape_latex, latex_entry, latex_notes
from lm_eval_iberian.report.table_entries import Entry, Table, interval_text


HEAD = r"""% \usepackage[T1]{fontenc}
% \usepackage{array,booktabs,graphicx,longtable,textcomp}
% In two columns put table* in the place of table; longtable wants one column.
\providecommand{\tablesize}{\footnotesize}
\providecommand{\tablenotes}[1]{\par\smallskip{\scriptsize\raggedright#1\par}}
\providecommand{\withci}[2]{%
  \begin{tabular}[t]{@{}r@{}}#1\\{\scriptsize#2}\end{tabular}}
\providecommand{\nowider}[1]{\sbox0{#1}%
  \ifdim\wd0>\textwidth\resizebox{\textwidth}{!}{\usebox0}\else\usebox0\fi}
"""
# in points: the width of the text in the styles of most papers; that in article, for
# what cannot be made smaller; the height that a table may have on a page
_WIDTH, _LEAST_WIDTH, _HEIGHT = 432.0, 342.0, 420.0
_LINE, _LINE_WITH_INTERVAL = 10.5, 21.0
# of a character in \footnotesize, of a capital, of one of an interval
_CHARACTER, _CAPITAL, _SMALL = 4.3, 6.2, 3.2
_NAME_WIDTH, _BETWEEN = 95.0, 6.0
# where a name may be broken: after what divides it, and wherever that leaves too much
_BREAK = re.compile(r"(?<=[/_+:-])(?=\w)")
_LONG_WORD = 18
# characters of a line in the head of a column
_HEAD = 9
# the document numbers its tables itself
_OF_PAPER = re.compile(r"^Table (\d+): (.)")


def tables_as_latex(tables: Iterable[Table]) -> str:
    """Return tables, to be put in a document that loads what the first lines say."""
    parts = [part for table in tables for part in _cut(table)]
    return "\n".join([HEAD, *(part.latex() for part in parts)])


@dataclass(frozen=True)
class _Part:
    """As many columns of a table as go beside each other.

    Args:
        table: The table with these columns.
        number: Which part it is.
        of: Of how many.
        names: How wide the names of its rows may be.
        long: Whether it goes on over pages.
    """

    table: Table
    number: int
    of: int
    names: float
    long: bool

    def latex(self) -> str:
        """Return it as a float, or as a table that goes on over pages."""
        table = self.table
        notes = latex_notes(table, breakable) if self.number == self.of else []
        said = [rf"\tablenotes{{{'; '.join(notes)}.}}"] if notes else []
        wrapped = rf">{{\raggedright\arraybackslash}}p{{{self.names:.0f}pt}}"
        fits = _longest_name(table) <= self.names
        columns = f"{'l' if fits else wrapped}{'r' * len(table.columns)}"
        head = " & ".join([escape_latex(table.first), *map(_headed, table.columns)])
        top = [r"\toprule", rf"{head} \\", r"\midrule"]
        rows = [self._row(*one) for one in table.rows.items()]
        style = r"\tablesize\setlength{\tabcolsep}{3pt}"
        caption = rf"\caption{{{self._title()}}}"
        if self.long:
            lines = [
                rf"\begingroup{style}", rf"\begin{{longtable}}{{{columns}}}",
                rf"{caption} \\", *top, r"\endfirsthead", *top, r"\endhead",
                r"\midrule", r"\multicolumn{2}{l}{\emph{goes on}} \\", r"\endfoot",
                r"\bottomrule", r"\endlastfoot", *rows, r"\end{longtable}", *said,
                r"\endgroup", "",
            ]  # fmt: skip
        else:
            lines = [
                r"\begin{table}[htbp]", rf"\centering{style}", caption,
                r"\smallskip", r"\nowider{%", rf"\begin{{tabular}}{{{columns}}}",
                *top, *rows, r"\bottomrule", r"\end{tabular}}", *said,
                r"\end{table}", "",
            ]  # fmt: skip
        return "\n".join(lines)

    def _title(self) -> str:
        title = escape_latex(self.table.title)
        of = _OF_PAPER.match(title)
        if of is not None:
            title = of[2].upper() + title[of.end() :]
        more = [f"Table {of[1]} of the paper"] if of is not None else []
        more += [f"{self.number} of {self.of}"] if self.of > 1 else []
        return f"{title} ({', '.join(more)})" if more else title

    def _row(self, name: str, entries: Sequence[Entry]) -> str:
        cells = []
        for entry in entries:
            text = latex_entry(entry, self.table)
            if entry.interval is not None:
                text = rf"\withci{{{text}}}{{{interval_text(entry.interval)}}}"
            cells.append(text)
        wrapped = _text_width(name) > self.names
        spaced = wrapped or any(entry.interval is not None for entry in entries)
        end = r"\\ \addlinespace[2pt]" if spaced else r"\\"
        return " & ".join([breakable(name), *cells]) + f" {end}"


def _cut(table: Table, long: bool = False) -> Iterator[_Part]:
    """Yield the parts of a table, of about as many columns each."""
    longest = _longest_name(table)
    room = (_LEAST_WIDTH if long else _WIDTH) - _BETWEEN
    widths = [_width(table, at) for at in range(len(table.columns))]
    count = _parts(widths, room - min(_NAME_WIDTH, longest))
    ends = [len(widths) * number // count for number in range(count + 1)]
    widest = max(sum(widths[start:end]) for start, end in pairwise(ends))
    names = min(longest, max(_NAME_WIDTH, room - widest))
    height = sum(_height(name, row, names) for name, row in table.rows.items())
    if height > _HEIGHT and not long:
        yield from _cut(table, long=True)
        return
    for number, (start, end) in enumerate(pairwise(ends), 1):
        rows = {name: row[start:end] for name, row in table.rows.items()}
        part = replace(table, columns=table.columns[start:end], rows=rows)
        yield _Part(part, number, count, names, long)


def _parts(widths: Sequence[float], room: float) -> int:
    """Return the least number of even parts of which each has room."""
    for count in range(1, len(widths)):
        ends = [len(widths) * number // count for number in range(count + 1)]
        if all(sum(widths[start:end]) <= room for start, end in pairwise(ends)):
            return count
    return len(widths)


def _width(table: Table, at: int) -> float:
    """Return about how wide a column is."""
    widest = max(map(_text_width, head_lines(table.columns[at])))
    for row in table.rows.values():
        entry = row[at]
        text = entry.text
        if entry.measure is not None:
            text = table.written(entry.measure)
            text += "~" * (entry.as_good + entry.marked)
        widest = max(widest, _text_width(text))
        if entry.interval is not None:
            widest = max(widest, len(interval_text(entry.interval)) * _SMALL)
    return widest + _BETWEEN


def _height(name: str, row: Sequence[Entry], names: float) -> float:
    lines = -(-_text_width(name) // names) * _LINE
    with_interval = any(entry.interval is not None for entry in row)
    return max(lines, _LINE_WITH_INTERVAL if with_interval else _LINE)


def _longest_name(table: Table) -> float:
    return max(map(_text_width, [table.first, *table.rows]))


def _text_width(text: str) -> float:
    return sum(_CAPITAL if letter.isupper() else _CHARACTER for letter in text)


def _headed(title: str) -> str:
    """Return the head of a column, in as many lines as it has words."""
    lines = list(map(escape_latex, head_lines(title)))
    if len(lines) == 1:
        return lines[0]
    together = r"\\".join(lines)
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{together}\end{{tabular}}"


def head_lines(title: str) -> list[str]:
    """Return the lines of a head: ``EusProficiency`` has two, ``CatCoLA MCC`` too."""
    lines: list[str] = []
    for word in title.split():
        parts = re.split(r"(?<=[a-z])(?=[A-Z])", word) if len(word) > _HEAD else [word]
        for at, part in enumerate(parts):
            between = " " if at == 0 else ""
            if lines and len(lines[-1] + between + part) <= _HEAD:
                lines[-1] += between + part
            else:
                lines.append(part)
    return lines


def breakable(text: str) -> str:
    r"""Return a text as LaTeX, with its long words such that they can be broken.

    >>> breakable("meta-llama/Llama_3.1")
    'meta-\\allowbreak{}llama/\\allowbreak{}Llama\\_\\allowbreak{}3.1'
    """
    return " ".join(map(_breakable_word, text.split()))


def _breakable_word(word: str) -> str:
    parts = [
        part[at : at + _LONG_WORD]
        for part in _BREAK.split(word)
        for at in range(0, len(part), _LONG_WORD)
    ]
    return r"\allowbreak{}".join(map(escape_latex, parts))
