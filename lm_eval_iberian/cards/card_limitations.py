"""What a card says of its own limits: what is missing, marked or not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lm_eval_iberian.cards.card_differences import CardDifferences
from lm_eval_iberian.cards.card_results import cell_title
from lm_eval_iberian.cards.card_subject import CardSubject
from lm_eval_iberian.cards.card_text import listed
from lm_eval_iberian.cards.public_names import public_name
from lm_eval_iberian.report.as_tables import escape_markdown
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.tables import language_titles


# issues whose texts name no file
_TOLD = ("limit", "items", "settings", "mixed")
_AT_MOST = 3
# in per cent
_MOSTLY = 95.0


def limitations_section(subject: CardSubject, found: CardDifferences) -> str:
    """Return what a reader must not take from the card, at least a line."""
    lines = [
        *_incomplete(subject),
        *_of_issues(subject.model.issues),
        *_of_stops(subject),
        *_of_comparisons(subject, found),
    ]
    if subject.model.minis and not subject.model.cells:
        lines.insert(
            0,
            "It was evaluated on mini sets alone. They tell whether a merge works at"
            " all, not how good it is; there is no `model-index` for that reason.",
        )
    lines.append(
        "Safety, bias and the truth of what it says were not evaluated. A merge may"
        " lose what its parents had learnt to refuse."
    )
    return "## Limitations\n\n" + "\n".join(f"- {line}" for line in lines)


def _incomplete(subject: CardSubject) -> Iterator[str]:
    """Yield the averages that some benchmarks are missing for; they have no value."""
    catalogue = subject.report.catalogue
    for column, average in subject.model.averages.items():
        if average.missing and average.measures:
            names = [catalogue.benchmarks[key].name for key in average.missing]
            lang = column.removeprefix("*-").lower()
            title = escape_markdown(language_titles().get(lang, column))
            yield (
                f"There is no average for {title}: of"
                f" {len(average.measures) + len(names)} benchmarks"
                f" {escape_markdown(listed(names))}"
                f" {'is' if len(names) == 1 else 'are'} missing."
            )


def _of_issues(issues: Sequence[Issue]) -> Iterator[str]:
    """Yield what sets results apart from the paper's, marked with a dagger above."""
    for kind in _TOLD:
        texts = list(dict.fromkeys(one.text for one in issues if one.kind == kind))
        mark = "† " if kind in ("limit", "items", "settings") else ""
        for text in texts[:_AT_MOST]:
            yield f"{mark}{escape_markdown(f'{text[0].upper()}{text[1:]}')}."
        if more := texts[_AT_MOST:]:
            yield f"{mark}The same holds for {len(more)} more results."


def _of_stops(subject: CardSubject) -> Iterator[str]:
    """Yield where more than one answer in twenty does not stop."""
    for cell in subject.model.every_cell():
        stops = cell.measures.get("stop_rate")
        if stops is not None and stops.value < _MOSTLY:
            yield (
                f"On {cell_title(cell)} {100 - stops.value:.1f} % of its answers do not"
                " end where they should; a part of what it loses there may be that."
            )


def _of_comparisons(subject: CardSubject, found: CardDifferences) -> Iterator[str]:
    """Yield what was not compared, and why."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in found.mixed:
        groups.setdefault((row.a, row.mixed), []).append(row.benchmark)
    shown = {row.a for row in found.rows}
    for (other, why), names in groups.items():
        whole = other not in shown and len([a for a, _ in groups if a == other]) == 1
        on = "" if whole else f" on {escape_markdown(listed(names))}"
        yield (
            f"It is not compared with {escape_markdown(public_name(other))}{on}, as its"
            f" own results have other settings: {escape_markdown(why)}."
        )
    for other in found.apart:
        yield (
            f"It has no benchmark in common with {escape_markdown(public_name(other))}."
        )
    there = {*subject.report.models, *map(public_name, subject.report.models)}
    lacking = [
        one.name for one in subject.origin.models if there.isdisjoint(one.result_names)
    ]
    if lacking:
        yield (
            f"It was not compared with {escape_markdown(listed(lacking))}: no results"
            f" of {'it' if len(lacking) == 1 else 'them'} were at hand."
        )
