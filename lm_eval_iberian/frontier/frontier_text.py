"""Methods at equal gains, to be read: tables in Markdown, and in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lm_eval_iberian.comparison import written_p
from lm_eval_iberian.comparison.comparison_row import SIGNIFICANT
from lm_eval_iberian.comparison.comparison_text import (
    LATEX_START,
    latex_minus,
    latex_table,
)
from lm_eval_iberian.frontier.equal_gain import (
    EqualGainRow,
    FrontierReport,
    GainReading,
    MethodReading,
)
from lm_eval_iberian.report.as_tables import (
    escape_latex,
    escape_markdown,
    markdown_note,
    markdown_table,
)
from lm_eval_iberian.report.model_report import Note
from lm_eval_iberian.report.tables import language_name


_NOTHING = "–"
_Lines = list[list[str]]
_PAIRS = ("B against A", "gain", "A", "B", "difference [95 %]", "p", "p (Holm)")


def tables_of_frontier(report: FrontierReport) -> Iterator[tuple[str, _Lines]]:
    """Yield title and lines of every table, the header first, without any markup."""
    asked = report.read.asked
    for one in report.read.languages:
        lang = one.lang
        methods = [m for m in report.methods if m.lang == lang]
        yield (
            f"{language_name(lang)}: {asked.following.header} at equal gain of"
            f" {asked.language.header}",
            [
                ["method", "points", "reaches, %", *map(_gain, asked.at)],
                *([*_of_method(m)] for m in methods),
            ],
        )
        yield (
            f"{language_name(lang)}: differences at equal gain",
            [
                list(_PAIRS),
                *(_of_row(row) for row in report.rows if row.lang == lang),
            ],
        )


def _of_method(one: MethodReading) -> Iterator[str]:
    yield one.name
    yield f"{one.merges}"
    yield " to ".join(f"{end:.0f}" for end in one.reaches)
    yield from (_NOTHING if found is None else _value(found) for found in one.at)


def _value(one: GainReading) -> str:
    mark = "¶" if one.found.why else ""
    return f"{one.value:.2f}{_interval(one.found.low, one.found.high)}{mark}"


def _of_row(row: EqualGainRow) -> list[str]:
    difference = _NOTHING
    if row.difference is not None:
        difference = f"{row.difference:+.2f}"
        difference += _interval(row.found.low, row.found.high)
    return [
        f"{row.b} against {row.a}{'¶' if row.found.why else ''}",
        _gain(row.at) if row.at is not None else _over(row),
        *(_NOTHING if v is None else f"{v:.2f}" for v in (row.a_value, row.b_value)),
        difference,
        written_p(row.found.p),
        written_p(row.p_holm),
    ]


def _gain(at: float) -> str:
    return f"{at:g} %"


def _over(row: EqualGainRow) -> str:
    if row.over is None:
        return "mean"
    return f"mean, {row.over[0]:.0f} to {row.over[1]:.0f} %"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"


def foot_of_frontier(report: FrontierReport) -> Iterator[str]:
    """Yield what a reader of the tables must know, a short line each."""
    asked = report.read.asked
    of = "; ".join(
        f"{lang} {first:.2f} to {last:.2f}"
        for lang, (first, last) in report.gains.items()
    )
    logs = any(one.language_metric.form == "losses" for one in report.read.languages)
    how = ", of a perplexity in its logarithm" if logs else ""
    yield (
        f"gain: of {asked.language.header}, in per cent of the way from the instructed"
        f" model to the expert ({of}){how}"
    )
    yield (
        "between two points a curve is a straight line; where it reaches a gain several"
        " times, the first counts, in the order of what is swept; beyond its points"
        " nothing is told"
    )
    yield (
        "difference: B - A, in points; intervals hold the items of both scores, drawn"
        " together for all models"
        + (f", and how {report.seeds} runs differ" if report.seeds > 1 else "")
        + "; p and interval are of each difference alone, p (Holm) is for all"
        f" {report.tested} that are shown"
    )
    yield "mean: over all gains that both reach, the area between the curves"
    if any(_significant(row) for row in report.rows):
        yield f"bold: p (Holm) below {SIGNIFICANT:.2f}".replace("0.", ".")
    every = [row.found for row in report.rows]
    every += [one.found for m in report.methods for one in m.at if one is not None]
    if any(one.why for one in every):
        yield "¶ why nothing, or no interval, is told: see the notes"
    if any(one.following_metric.lower_is_better for one in report.read.languages):
        yield f"less is better of {asked.following.header}"


def notes_of_frontier(report: FrontierReport) -> Iterator[Note]:
    """Yield all that must be known, then why something is not told."""
    yield from report.notes
    groups: dict[tuple[str, str, str], dict[str, None]] = {}
    for one in report.methods:
        for found in one.at:
            if found is not None and found.found.why:
                key = ("interval", f"{one.lang}: {one.name}", found.found.why)
                groups.setdefault(key, {})[_gain(found.at)] = None
    for row in report.rows:
        if row.found.why:
            kind = "interval" if row.difference is not None else "not compared"
            key = (kind, f"{row.lang}: {row.b} against {row.a}", row.found.why)
            where = "mean" if row.at is None else _gain(row.at)
            groups.setdefault(key, {})[where] = None
    for (kind, about, why), places in groups.items():
        yield Note(kind, f"{about}, {', '.join(places)}", why)


def _significant(row: EqualGainRow) -> bool:
    return row.p_holm is not None and row.p_holm < SIGNIFICANT


def _emphasised(
    report: FrontierReport, escape: Callable[[str], str], bold: str
) -> Iterator[tuple[str, _Lines]]:
    """Yield the tables in a markup, differences that are some in bold."""
    rows = {
        row.lang: [r for r in report.rows if r.lang == row.lang] for row in report.rows
    }
    langs = [one.lang for one in report.read.languages]
    for at, (title, lines) in enumerate(tables_of_frontier(report)):
        head, *others = lines
        # all but names are numbers
        found = [[escape(one) for one in head]]
        found += [[escape(name), *numbers] for name, *numbers in others]
        if at % 2:
            for line, row in zip(found[1:], rows[langs[at // 2]], strict=True):
                if _significant(row):
                    line[4] = bold.format(line[4])
        yield title, found


def as_frontier_markdown(report: FrontierReport) -> str:
    """Return the tables, what they say, and the notes."""
    parts = [
        markdown_table(title, lines)
        for title, lines in _emphasised(report, escape_markdown, "**{}**")
    ]
    foot = foot_of_frontier(report)
    parts.append("".join(f"- {escape_markdown(line)}\n" for line in foot))
    if notes := list(notes_of_frontier(report)):
        lines = "".join(f"- {markdown_note(note)}\n" for note in notes)
        parts.append(f"## Notes\n\n{lines}")
    return "\n".join(parts)


_LATEX = {"¶": r"$^\P$", "–": "--", " %": r"\,\%"}


def as_frontier_latex(report: FrontierReport) -> str:
    """Return the tables, to be put in a document that loads booktabs and graphicx."""
    foot = _latex("; ".join(foot_of_frontier(report)))
    tables = [
        latex_table(
            f"{_latex(title)}. {foot}",
            [head, *([latex_minus(_marks(cell)) for cell in row] for row in rows)],
        )
        for title, (head, *rows) in _emphasised(report, _latex, r"\textbf{{{}}}")
    ]
    return "\n".join([LATEX_START, *tables])


def _latex(text: str) -> str:
    escaped = escape_latex(text)
    return _marks(escaped)


def _marks(text: str) -> str:
    for sign, written in _LATEX.items():
        text = text.replace(sign, written)
    return text
