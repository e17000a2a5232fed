"""How a merge differs from the models it was made of, as its card has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lm_eval_iberian.cards.card_subject import CardSubject, parents_of
from lm_eval_iberian.cards.card_text import plain_text, table
from lm_eval_iberian.cards.public_names import public_name
from lm_eval_iberian.comparison.comparing import (
    CompareOptions,
    Comparer,
    compare_all,
)
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.comparison.comparison_text import (
    row_title,
    written_difference,
    written_p,
)
from lm_eval_iberian.comparison.subject import Subject
from lm_eval_iberian.stats.multiple_tests import holm


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
    options = replace(subject.comparer.options, allow_mixed=True)
    for other in subject.against:
        if _share(subject, other):
            rows += _rows(subject, other, options)
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
    has = subject.comparer.has
    keys = (*subject.model.cells, *subject.model.minis)
    return any(has(subject.name, key) and has(other, key) for key in keys)


def _rows(
    subject: CardSubject, other: str, options: CompareOptions
) -> Iterator[ComparisonRow]:
    """Yield the comparisons with one model: averages, and what counts of benchmarks."""
    both = [Subject(other, subject.report.models[other]),
            Subject(subject.name, subject.model)]  # fmt: skip
    comparer = Comparer(both, subject.report.catalogue, options)
    for row in compare_all(comparer, other).rows:
        if row.level == "average" or row.metric == comparer.main_metric(row.benchmark):
            yield row


def differences_section(subject: CardSubject, found: CardDifferences) -> str:
    """Return a table of the differences, empty where there are none."""
    if not found.rows:
        return ""
    catalogue = subject.report.catalogue
    header = (
        "Compared with", "Benchmark", "Other", "This model", "Difference [95 %]",
        "p (Holm)", "Gained", "Lost", "Items",
    )  # fmt: skip
    rows = [
        (
            plain_text(public_name(row.a)),
            plain_text(row_title(_named(row), catalogue))
            + (" (mini)" if row.level == "mini" else "")
            + ("" if row.difference.paired else "‡"),
            f"{row.difference.a_value:.2f}", f"{row.difference.b_value:.2f}",
            written_difference(row.difference), plain_text(written_p(row.p_holm)),
            _count(row.difference.gained), _count(row.difference.lost),
            _count(row.difference.n),
        )
        for row in found.rows
    ]  # fmt: skip
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
        told.append(f"p is adjusted by Holm for the {tests} tests of the table.")
    whom = "other models" if _strangers(subject) else "its parents"
    return (
        f"### Compared with {whom}\n\n{' '.join(told)}\n\n"
        f"{table(header, rows, texts=2)}"
    )


def _strangers(subject: CardSubject) -> bool:
    parents = parents_of(subject.report, subject.origin, subject.name)
    return any(name not in parents for name in subject.against)


def _named(row: ComparisonRow) -> ComparisonRow:
    return replace(row, title=row.title.removesuffix(" mini"))


def _count(number: int | None) -> str:
    return "–" if number is None else str(number)
