"""Judges an answer as a reader of its language would, strictly and loosely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import repeat

from lm_eval_iberian.ifeval.instruction import Answer, Demand, Verdict
from lm_eval_iberian.languages import is_blank


def variants(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each variant besides the answer itself.

    Without its first line, its last line, both, and all of that without asterisks.
    Blank variants and repetitions are left out.
    """
    seen = {text}
    for name, variant in _all(text):
        if variant not in seen and not is_blank(variant):
            seen.add(variant)
            yield name, variant


def _all(text: str) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    cut = (
        ("without the first line", "\n".join(lines[1:]).strip()),
        ("without the last line", "\n".join(lines[:-1]).strip()),
        ("without the first and the last line", "\n".join(lines[1:-1]).strip()),
    )
    yield "without stars", text.replace("*", "")
    yield from cut
    for name, part in cut:
        yield f"{name} and without stars", part.replace("*", "")


Verdicts = tuple[Verdict, ...]


def judge_repaired(
    demands: Sequence[Demand], answer: Answer
) -> tuple[Verdicts, Verdicts]:
    """Return the strict and the loose verdicts of the repaired scoring.

    Args:
        demands: The instructions.
        answer: The answer, read.
    """
    strict = tuple(demand.judge(answer) for demand in demands)
    loose = tuple(map(_loosely, demands, strict, repeat(answer)))
    return strict, loose


def _loosely(demand: Demand, strict: Verdict, answer: Answer) -> Verdict:
    """Return the first favourable verdict among the variants, else the strict one."""
    if strict.followed or is_blank(answer.text):
        return strict
    for name, text in variants(answer.text):
        verdict = demand.judge(replace(answer, text=text))
        if verdict.followed:
            return Verdict(True, f"{name}: {verdict.reason}")
    return strict
