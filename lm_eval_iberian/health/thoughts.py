"""Takes off an answer what is no part of it: thoughts, end tokens, wrappers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.toml import read_toml


# more marks than this around an answer are no wrapping but a loop
_MOST: Final = 40
# no mark is longer
_LONGEST: Final = 80


@dataclass(frozen=True)
class Spoken:
    """What is left of an answer without what is no part of it.

    Attributes:
        text: The answer; empty if a thought was never closed.
        unclosed: Whether a thought was never closed: nothing was ever answered.
        marks: The end tokens, turn marks and wrappers that stood around it.
    """

    text: str
    unclosed: bool = False
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Marks:
    """The marks of the two files, one pattern for each use, and their first signs."""

    closings: dict[str, frozenset[str]]
    pattern: re.Pattern[str]
    before: re.Pattern[str]
    behind: re.Pattern[str]
    signs: frozenset[str]


def without_thoughts(response: str, prompt: str = "") -> Spoken:
    """Return an answer without the model's thoughts and without marks around it.

    A closing mark without an opening one ends a thought that began with the answer:
    some chat templates put the opening mark into the prompt. An opening mark inside a
    line that is never closed is a mention. End tokens and wrappers count at the two
    ends of the answer only: text behind an end token is another turn.

    Args:
        response: The whole answer.
        prompt: What it answers; marks that it holds were asked for, and stay.
    """
    marks = _marks()
    if not any(map(response.__contains__, marks.signs)):
        return Spoken(response.strip())
    found = [
        (m[0].lower(), m.start(), m.end())
        for m in marks.pattern.finditer(response)
        if m[0] not in prompt
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
    return _unwrapped("".join(kept) + response[rest:], prompt, marks)


def _at_line_start(text: str, place: int) -> bool:
    """Tell whether only space, or another mark, stands before a place in its line."""
    before = text[text.rfind("\n", max(0, place - 60), place) + 1 : place][-60:]
    return not before.strip() or before.rstrip().endswith((">", "]", "▷"))


def _unwrapped(text: str, prompt: str, marks: _Marks) -> Spoken:
    """Take marks off both ends."""
    text = text.strip()
    found: list[str] = []
    while len(found) < _MOST:
        match = marks.before.match(text) or marks.behind.search(text[-_LONGEST:])
        if match is None or _is_asked_for(match[0], prompt):
            break
        found.append(match[0].strip())
        before = match.re is marks.before
        cut = match.end() if before else len(text) - len(match[0])
        text = (text[cut:] if before else text[:cut]).strip()
        if before and match["tag"]:  # its closing may stand before more text
            text = text.replace(f"</{match['tag']}>", "", 1)
    return Spoken(text, marks=tuple(found))


def _is_asked_for(mark: str, prompt: str) -> bool:
    """Tell whether a prompt holds a mark, or the tag that it opens or closes."""
    return mark.strip().lower().replace("</", "<") in prompt.lower().replace("</", "<")


@cache
def _marks() -> _Marks:
    """Read ``thoughts.toml``, and the marks of chat templates."""
    table = read_toml(Path(__file__).with_name("thoughts.toml"))
    if set(table) != {"pairs", "residue", "wrappers"}:
        raise DataError(
            f"thoughts.toml must hold pairs, residue and wrappers, not {set(table)}"
        )
    template = read_toml(Path(__file__).with_name("markers.toml"))
    closings: dict[str, frozenset[str]] = {}
    for opening, closing in table["pairs"]:
        known = closings.get(opening.lower(), frozenset())
        closings[opening.lower()] = known | {closing.lower()}
    every = {mark for pair in table["pairs"] for mark in pair}
    wrapping = _any_of(table["wrappers"])
    around = [*table["residue"], *template["ends"]]
    roles = _any_of(template["roles"])
    before = _any_of([*around, *template["turns"]])
    return _Marks(
        closings,
        re.compile(_any_of(every), re.IGNORECASE),
        re.compile(
            # a turn's mark goes on with the role and a line end, or a second mark
            rf"(?:{before})(?:(?i:{roles})(?=\s|<))?|(?i:<(?P<tag>{wrapping})>)"
        ),
        re.compile(rf"(?:{_any_of(around)}|(?i:</(?:{wrapping})>))\Z"),
        frozenset("<[◁"),
    )


def _any_of(marks: list[str] | set[str]) -> str:
    """Return the pattern of any of the marks, the longest first."""
    return "|".join(map(re.escape, sorted(marks, key=lambda m: (-len(m), m))))
