"""Judges an answer as a reader of its language would, strictly and loosely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

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
    rest = text.partition("\n")[2]
    cut = (
        ("without the first line", rest.strip()),
        ("without the last line", text.rpartition("\n")[0].strip()),
        ("without the first and the last line", rest.rpartition("\n")[0].strip()),
    )
    yield "without stars", text.replace("*", "")
    yield from cut
    for name, part in cut:
        yield f"{name} and without stars", part.replace("*", "")


Read = TypeVar("Read")


class Variants(Generic[Read]):
    """The variants of an answer, each made and read once, when needed."""

    def __init__(self, text: str, read: Callable[[str], Read]) -> None:
        self._source = variants(text)
        self._read = read
        self._made: list[tuple[str, Read]] = []

    def __iter__(self) -> Iterator[tuple[str, Read]]:
        yield from self._made
        for name, text in self._source:
            self._made.append((name, self._read(text)))
            yield self._made[-1]


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
    if all(verdict.followed for verdict in strict) or is_blank(answer.text):
        return strict, strict
    others = Variants(answer.text, lambda text: replace(answer, text=text))
    return strict, tuple(
        _loosely(demand, verdict, others)
        for demand, verdict in zip(demands, strict, strict=True)
    )


def _loosely(demand: Demand, strict: Verdict, others: Variants[Answer]) -> Verdict:
    """Return the first favourable verdict among the variants, else the strict one."""
    if strict.followed:
        return strict
    for name, variant in others:
        verdict = demand.judge(variant)
        if verdict.followed:
            return Verdict(True, f"{name}: {verdict.reason}")
    return strict
