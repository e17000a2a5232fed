"""How a merge differs from the models it was made of, as its card has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lm_eval_iberian.cards.card_results import average_title, cell_title
from lm_eval_iberian.cards.card_subject import CardSubject, parents_of
from lm_eval_iberian.cards.card_text import table
from lm_eval_iberian.cards.public_names import public_name
from lm_eval_iberian.comparison import (
    ComparisonRow,
    compare_all,
    written_difference,
    written_p,
)
from lm_eval_iberian.report.as_tables import escape_markdown
from lm_eval_iberian.stats import holm


@dataclass(frozen=True)
class CardDifferences:
    """The comparisons of a card.

    Args:
        rows: Those that are shown, with Holm's p over them all.
        mixed: Those that are not: under other settings.
        apart: The models that have nothing in common with the merge.
    """

    rows: tuple[ComparisonRow, ...] = ()
    mixed: tuple[ComparisonRow, ...] = ()
    apart: tuple[str, ...] = ()


def differences_of(subject: CardSubject) -> CardDifferences:
    """Return how a merge differs from each model that it is compared with.

    Raises:
        DataError: Samples do not pair or cannot be used.
    """
    rows: list[ComparisonRow] = []
    apart = []
    for other in subject.against:
        if _share(subject, other):
            rows += _rows(subject, other)
        else:
            apart.append(other)
    shown = [row for row in rows if not row.mixed]
    adjusted = holm([row.difference.p for row in shown])
    return CardDifferences(
        tuple(replace(r, p_holm=p) for r, p in zip(shown, adjusted, strict=True)),
        tuple(row for row in rows if row.mixed),
        tuple(apart),
    )


def _share(subject: CardSubject, other: str) -> bool:
    comparer = subject.comparer
    keys = (*subject.model.cells, *subject.model.minis)
    return other in comparer.subjects and any(
        comparer.has(subject.name, key) and comparer.has(other, key) for key in keys
    )


def _rows(subject: CardSubject, other: str) -> Iterator[ComparisonRow]:
    """Yield the comparisons with one model: averages, and what counts of benchmarks."""
    comparer = subject.comparer
    for row in compare_all(comparer, other, others=[subject.name]).rows:
        if row.level == "average" or row.metric == comparer.main_metric(row.benchmark):
            yield row


def differences_section(subject: CardSubject, found: CardDifferences) -> str:
    """Return a table for each model that it is compared with, empty without any."""
    if not found.rows:
        return ""
    paired = {row.difference.paired for row in found.rows}
    tests = sum(row.difference.p is not None for row in found.rows)
    told = [
        "Difference: this model minus the other, in points, with its 95 % interval."
    ]
    if True in paired:
        told.append(
            "Where both answered the same items they are compared item by item, and"
            " items that share a passage or a prompt count together. *Gained* are items"
            " that only this model has right, *Lost* those that only the other has."
        )
    if False in paired:
        told.append(
            "‡ is not paired: there were no answers to compare item by item, and the"
            " standard errors of both are taken."
        )
    if tests > 1:
        told.append(f"p is adjusted by Holm for the {tests} tests that are shown.")
    whom = "other models" if _strangers(subject) else "its parents"
    parts = [f"### Compared with {whom}", " ".join(told)]
    for other in dict.fromkeys(row.a for row in found.rows):
        rows = [_cells(subject, row) for row in found.rows if row.a == other]
        header = (
            "Benchmark", "Other", "This model", "Difference [95 %]", "p (Holm)",
            "Gained", "Lost", "Items",
        )  # fmt: skip
        name = escape_markdown(public_name(other))
        parts.append(f"**Against {name}**\n\n{table(header, rows)}")
    return "\n\n".join(parts)


def _cells(subject: CardSubject, row: ComparisonRow) -> tuple[str, ...]:
    found = row.difference
    return (
        _title(subject, row) + ("" if found.paired else "‡"),
        f"{found.a_value:.2f}", f"{found.b_value:.2f}", written_difference(found),
        escape_markdown(written_p(row.p_holm)), _count(found.gained),
        _count(found.lost), _count(found.n),
    )  # fmt: skip


def _title(subject: CardSubject, row: ComparisonRow) -> str:
    """Return what a line is of, with its metric where that is not accuracy."""
    label = escape_markdown(subject.report.catalogue.metrics[row.metric].label)
    metric = "" if row.metric == "acc" else f", {label}"
    keys = subject.comparer.benchmarks_of(row.benchmark)
    if row.level == "average" and len(keys) > 1:
        return f"**{average_title(row.benchmark)}, average{metric}**"
    cell = subject.model.cell(keys[0])
    return f"{cell_title(cell) if cell else escape_markdown(row.title)}{metric}"


def _strangers(subject: CardSubject) -> bool:
    parents = parents_of(subject.report, subject.origin, subject.name)
    return any(name not in parents for name in subject.against)


def _count(number: int | None) -> str:
    return "–" if number is None else str(number)
