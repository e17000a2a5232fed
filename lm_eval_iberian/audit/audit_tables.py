"""An audit as Markdown tables, to be read as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lm_eval_iberian.audit.auditing import Audit
from lm_eval_iberian.audit.file_audit import (
    ACCURACIES,
    Flagged,
    Rate,
)
from lm_eval_iberian.audit.recorded import KINDS, OtherVerdict, TypeCount
from lm_eval_iberian.report.as_tables import escape_markdown
from lm_eval_iberian.terminal import counted, some


_LABELS: Final = {
    "stop": "stops",
    "no_stop": "cut off",
    "run_on": "runs on",
    "loop": "loops",
    "off_language": "off-language",
}
_HEADS: Final = (
    "prompt strict", "prompt loose", "inst. strict", "inst. loose", "first turn",
)  # fmt: skip
# rates that are shown where they are not 0
_RARE: Final = frozenset(
    {"unclosed_thought_rate", "copied_prompt_rate", "left_marks_rate"}
)
# high is good
_GOOD: Final = "stop_rate"
# a rate that a merge is blamed for
_HIGH: Final = 0.05
# differences that are shown without --rows
_FIRST: Final = 5


def audit_as_markdown(audit: Audit, *, rows: bool = False) -> str:
    """Return an audit as Markdown.

    Args:
        audit: What was found.
        rows: List every flagged answer and every verdict that differs.
    """
    parts = [_health(audit), *_scores(audit), *_verdicts(audit, rows)]
    if rows:
        parts += _flagged(audit)
    notes = [
        *_of_files(audit),
        *audit.notes,
        *(f"left out: {w}" for w in audit.left_out),
    ]
    if notes:
        parts.append(_section("Notes", _items(map(escape_markdown, notes))))
    return "\n".join(parts)


def _of_files(audit: Audit) -> Iterator[str]:
    """Yield the notes on files, one that several files share once."""
    names: dict[str, list[str]] = {}
    for name, file in audit.files.items():
        for note in file.notes:
            names.setdefault(note, []).append(name)
    for note, of in names.items():
        yield f"{some(of, 3)}: {note}" if len(of) < 4 else f"{len(of)} files: {note}"


def _health(audit: Audit) -> str:
    total = sum(file.answers for file in audit.files.values())
    names = _rate_names(audit)
    head = ["answers of", "lang", "n", *map(_label, names)]
    rows = [
        [escape_markdown(name), file.origin.lang or "–", str(file.answers)]
        + [_cell(file.health.get(rate)) for rate in names]
        for name, file in audit.files.items()
    ]
    title = f"Health of {counted(total, 'answer')}, per cent ± standard error"
    return _section(title, _table(head, rows, left=2) + _high(audit, names))


def _rate_names(audit: Audit) -> list[str]:
    """Return the rates that some file has; rare ones only where they occur."""
    rates: dict[str, list[Rate]] = {}
    for file in audit.files.values():
        for name, rate in file.health.items():
            rates.setdefault(name, []).append(rate)
    return [n for n, of in rates.items() if n not in _RARE or any(r.value for r in of)]


def _high(audit: Audit, names: Iterable[str]) -> str:
    """Say which rates are high, for a reader in a hurry."""
    lines = []
    for rate in names:
        found = {n: file.health.get(rate) for n, file in audit.files.items()}
        values = [(r.value, n) for n, r in found.items() if r and r.value is not None]
        high = sorted((v, n) for v, n in values if v > _HIGH and rate != _GOOD)[::-1]
        if high:
            of = [f"{name} ({100 * value:.0f})" for value, name in high]
            lines.append(escape_markdown(f"{_label(rate)}: {some(of, 5)}"))
    return f"\nover {100 * _HIGH:.0f} %:\n\n{_items(lines)}" if lines else ""


def _scores(audit: Audit) -> Iterator[str]:
    scored = {name: file for name, file in audit.files.items() if file.scores}
    if not scored:
        return
    head = ["IFEval of", "lang", "scoring", "prompts", "instr.", *_HEADS]
    rows = [
        [escape_markdown(name), file.origin.lang or "–", scoring]
        + [str(found[ACCURACIES[0]].n), str(found[ACCURACIES[-1]].n)]
        + [_cell(found[metric]) for metric in ACCURACIES]
        for name, file in scored.items()
        for scoring, found in file.scores.items()
    ]
    foot = "first turn: inst. strict of each answer up to where it runs on\n"
    title = "IFEval, per cent ± standard error"
    yield _section(title, _table(head, rows, left=3) + f"\n{foot}")


def _verdicts(audit: Audit, rows: bool) -> Iterator[str]:
    """Yield stored verdicts beside ours: by type over all files, by file, by row."""
    compared = {n: a for n, a in audit.files.items() if a.comparison is not None}
    for kind in KINDS:
        types: dict[str, TypeCount] = {}
        files: dict[str, TypeCount] = {}
        for name, file in compared.items():
            counts = file.comparison.counts.get(kind, {}) if file.comparison else {}
            for type_name, count in counts.items():
                for table, key in ((types, type_name), (files, name)):
                    table.setdefault(key, TypeCount()).add(count)
        if types:
            yield _by_type(kind, types, files)
            found = [
                (name, difference)
                for name, file in compared.items()
                for difference in (
                    file.comparison.differences if file.comparison else ()
                )
                if difference.kind == kind
            ]
            yield from _differences(kind, found, rows)


def _by_type(
    kind: str, types: dict[str, TypeCount], files: dict[str, TypeCount]
) -> str:
    columns = ["n", "stored pass, ours fail", "stored fail, ours pass", "as original"]
    differing = {n: c for n, c in sorted(types.items()) if c.only_stored + c.only_ours}
    same = [name for name in sorted(types) if name not in differing]
    total = TypeCount()
    for count in types.values():
        total.add(count)
    rows = [[escape_markdown(n), *_numbers(c)] for n, c in differing.items()]
    rows.append(["all types", *_numbers(total)])
    text = _table(["instruction type", *columns], rows, left=1)
    if same:
        text += f"\nno difference: {escape_markdown(', '.join(same))}\n"
    if len(files) > 1:
        each = [[escape_markdown(n), *_numbers(c)] for n, c in files.items()]
        text += "\n" + _table(["answers of", *columns], each, left=1)
    text += "\nas original: differences in which our original scoring says the stored\n"
    return _section(f"Stored {kind} verdicts beside ours (repaired)", text)


def _numbers(count: TypeCount) -> list[str]:
    return [
        str(number)
        for number in (
            count.compared, count.only_stored, count.only_ours, count.as_original,
        )
    ]  # fmt: skip


def _differences(
    kind: str, found: Sequence[tuple[str, OtherVerdict]], every: bool
) -> Iterator[str]:
    listed = found if every else found[:_FIRST]
    if not listed:
        return
    lines = [_difference(name, difference) for name, difference in listed]
    more = len(found) - len(listed)
    if more:
        lines.append(f"{more} more: --rows lists them, --format json holds them")
    title = f"The {counted(len(found), f'{kind} verdict')} that differ"
    yield _section(title, _items(lines))


def _difference(name: str, found: OtherVerdict) -> str:
    stored, ours = ("pass", "fail") if found.stored else ("fail", "pass")
    start = escape_markdown(f"{name}, {found.name}, {found.instruction_id}")
    reason, excerpt = escape_markdown(found.reason), escape_markdown(found.excerpt)
    line = f"{start}: stored {stored}, ours {ours}: {reason}"
    if found.original is not None and found.original == found.stored:
        line += f" (original: {stored}, {escape_markdown(found.original_reason)})"
    return f"{line}. Answer: {excerpt}" if excerpt else line


def _flagged(audit: Audit) -> Iterator[str]:
    for name, file in audit.files.items():
        if file.flagged:
            lines = map(_flag, file.flagged)
            title = f"Flagged: {len(file.flagged)} of {file.answers} of {name}"
            yield _section(title, _items(lines))


def _flag(found: Flagged) -> str:
    reasons = "; ".join(f"{_label(n)}: {why}" for n, why in found.reasons.items())
    line = f"{escape_markdown(found.name)}: {escape_markdown(reasons)}"
    excerpt = escape_markdown(found.excerpt)
    return f"{line}. Answer: {excerpt}" if excerpt else line


def _label(name: str) -> str:
    """Return what a rate, or a reason, is called."""
    name = name.removesuffix("_rate")
    return _LABELS.get(name, name.replace("_", " "))


def _cell(rate: Rate | None) -> str:
    if rate is None or rate.value is None:
        return "–"
    error = "" if rate.stderr is None else f" ± {100 * rate.stderr:.1f}"
    return f"{100 * rate.value:.1f}{error}"


def _section(title: str, text: str) -> str:
    return f"## {escape_markdown(title)}\n\n{text}"


def _items(lines: Iterable[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a table; the first columns are texts, the others numbers."""
    widths = [max(3, *(len(row[i]) for row in (head, *rows))) for i in range(len(head))]
    rule = ["-" * w if i < left else f"{'-' * (w - 1)}:" for i, w in enumerate(widths)]
    lines = [
        " | ".join(
            text.ljust(width) if i < left else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, rule, *rows)
    ]
    return "".join(f"| {line} |\n" for line in lines)
