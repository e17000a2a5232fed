"""What is said of results that are not compared as they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lm_eval_iberian.comparison.item_pairing import Paired
from lm_eval_iberian.comparison.sample_items import Lacking
from lm_eval_iberian.report.cell import Cell


def why_not_paired(lacking: Sequence[tuple[Cell, Lacking]], of: int) -> str:
    """Return why not all of some benchmarks are paired, and of some, which are not."""
    groups: dict[str, list[str]] = {}
    for cell, found in lacking:
        groups.setdefault(found.why, []).append(cell.benchmark.id)
    return "; ".join(
        why if len(keys) == of else f"{', '.join(keys)}: {why}"
        for why, keys in groups.items()
    )


def mixed_in(mixed: Mapping[str, str], benchmarks: Sequence[str]) -> list[str]:
    """Return what is mixed, and of some of several benchmarks, in which."""
    groups: dict[str, list[str]] = {}
    for key, text in mixed.items():
        groups.setdefault(text, []).append(key)
    return [
        text if len(keys) == len(benchmarks) else f"{text} ({', '.join(keys)})"
        for text, keys in groups.items()
    ]


def only_common(benchmark: str, paired: Paired) -> str:
    """Return of which items a difference is, where some are not in all runs."""
    more = [count for count in paired.others if count]
    return (
        f"{benchmark}: of the {paired.common} items that both have, without"
        f" {max(more, default=paired.unlike)} more"
    )


def why_no_pairs(a: str, b: str, cell: Cell, paired: Paired, runs: int) -> str:
    """Return a sentence that refuses samples that do not pair.

    Args:
        a: The baseline.
        b: The other.
        cell: The baseline's.
        paired: What pairs.
        runs: How many of the runs are the baseline's.
    """
    text = (
        f"the samples of {cell.benchmark.id} do not pair: {paired.common} items are in"
        f" those of both, {max(paired.others[:runs])} only in those of {a}, and"
        f" {max(paired.others[runs:])} only in those of {b}"
    )
    if paired.unlike:
        text += f"; {paired.unlike} have another number of verdicts"
    return (
        f"{text}; evaluate both on the same data, or pass --allow-mixed to compare them"
        " on the items that both have"
    )


def mixed_text(a: str, mixed: Mapping[tuple[str, str], str]) -> str:
    """Return a sentence that refuses to compare results under other settings.

    Args:
        a: The baseline.
        mixed: For another model and a benchmark, in which settings the two differ.
    """
    of: dict[tuple[str, str], list[str]] = {}
    for (b, key), text in mixed.items():
        of.setdefault((text, b), []).append(key)
    groups: dict[tuple[str, str], list[str]] = {}
    for (text, b), keys in of.items():
        groups.setdefault((text, ", ".join(keys)), []).append(b)
    said = "; ".join(
        f"{text} ({', '.join(others)}: {keys})"
        for (text, keys), others in groups.items()
    )
    return (
        f"results were not had as those of {a} were: {said}; evaluate again, or choose"
        " results with --shots or --chat-template, or pass --allow-mixed to compare"
        " them all the same, and mark them"
    )
