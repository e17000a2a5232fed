"""Removes a model's thoughts: what stands in ``<think>`` and its relatives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.toml import read_toml


@dataclass(frozen=True)
class Spoken:
    """What is left of an answer without its thoughts.

    Attributes:
        text: The answer; empty if a thought was never closed.
        unclosed: Whether a thought was never closed: nothing was ever answered.
    """

    text: str
    unclosed: bool = False


@dataclass(frozen=True)
class _Marks:
    """The marks of ``thoughts.toml``, one pattern for all, and their first signs."""

    closings: dict[str, frozenset[str]]
    residue: tuple[str, ...]
    pattern: re.Pattern[str]
    signs: frozenset[str]


def without_thoughts(response: str) -> Spoken:
    """Return an answer without the model's thoughts.

    A closing mark without an opening one ends a thought that began with the answer:
    some chat templates put the opening mark into the prompt. An opening mark inside a
    line that is never closed is a mention.
    """
    marks = _marks()
    if not any(map(response.__contains__, marks.signs)):
        return Spoken(response.strip())
    found = [
        (m[0].lower(), m.start(), m.end()) for m in marks.pattern.finditer(response)
    ]
    last = {mark: start for mark, start, _ in found}
    kept: list[str] = []
    rest, inside = 0, ""
    for mark, start, end in found:
        closings = marks.closings.get(mark, frozenset())
        if inside:
            if mark in marks.closings[inside]:
                inside, rest = "", end
        elif closings:
            closed = any(last.get(closing, -1) > start for closing in closings)
            if closed or _at_line_start(response, start):
                kept.append(response[rest:start])
                inside = mark
        else:
            kept, rest = [], end
    if inside:
        return Spoken("", unclosed=True)
    return Spoken(_without_residue("".join(kept) + response[rest:], marks).strip())


def _at_line_start(text: str, place: int) -> bool:
    """Tell whether only space, or another mark, stands before a place in its line."""
    before = text[text.rfind("\n", max(0, place - 60), place) + 1 : place][-60:]
    return not before.strip() or before.rstrip().endswith((">", "]", "▷"))


def _without_residue(text: str, marks: _Marks) -> str:
    """Strip leftover marks from both ends."""
    text = text.strip()
    trimmed = True
    while trimmed:
        trimmed = False
        for mark in marks.residue:
            if text.startswith(mark) or text.endswith(mark):
                text = text.removeprefix(mark).removesuffix(mark).strip()
                trimmed = True
    return text


@cache
def _marks() -> _Marks:
    """Read ``thoughts.toml``."""
    table = read_toml(Path(__file__).with_name("thoughts.toml"))
    if set(table) != {"pairs", "residue"}:
        raise DataError(f"thoughts.toml must hold pairs and residue, not {set(table)}")
    closings: dict[str, frozenset[str]] = {}
    for opening, closing in table["pairs"]:
        known = closings.get(opening.lower(), frozenset())
        closings[opening.lower()] = known | {closing.lower()}
    every = sorted({mark for pair in table["pairs"] for mark in pair}, key=len)
    options = "|".join(re.escape(mark) for mark in reversed(every))
    pattern = re.compile(options, re.IGNORECASE)
    signs = frozenset(mark[0] for mark in (*every, *table["residue"]))
    return _Marks(closings, tuple(table["residue"]), pattern, signs)
