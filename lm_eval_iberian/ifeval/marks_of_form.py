"""Marks of form in an answer: openings of lines, headings of sections, emphasis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.languages import LanguageProfile, compose


_NUMBER: Final = r"(?:\d{1,3}|[IVXLC]{1,7}|[ivxlc]{1,7})(?![^\W_])"
_ROMAN: Final = re.compile(
    r"(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", re.IGNORECASE
)


def section_marks(text: str, keyword: str, profile: LanguageProfile) -> list[str]:
    """Return the section headings with different numbers, in order of appearance.

    A heading opens a line or a sentence: a reference to a section is none. The keyword
    must stand as it was asked for, letter case included.
    """
    found: dict[str, str] = {}
    for match in openings(_pattern(compose(keyword), profile), text):
        number = match["before"] or match["after"]
        if number.isdigit() or _ROMAN.fullmatch(number):
            found.setdefault(number.upper(), match[0].strip())
    if any(map(str.isdigit, found)):
        found.pop("X", None)  # Section X, copied from the prompt
    return list(found.values())


@lru_cache(maxsize=256)
def _pattern(keyword: str, profile: LanguageProfile) -> re.Pattern[str]:
    """Compile the heading with its number where the language puts it."""
    word = r"[^\S\n]{1,3}".join(map(re.escape, keyword.split()))
    positions = profile.sections.number_positions
    after = rf"{word}[^\S\n]{{0,3}}(?P<after>{_NUMBER})\.?"
    before = rf"(?P<before>{_NUMBER})[.ºª)]?-?[^\S\n]{{0,3}}{word}(?![^\W_])"
    return re.compile(
        r"(?<![^\W_])(?:"
        + (before if "before" in positions else r"(?P<before>(?!))")
        + "|"
        + (after if "after" in positions else r"(?P<after>(?!))")
        + ")"
    )


_RUN: Final = re.compile(r"([*_])\1*")
_LONGEST_MARK: Final = 3
_SIGNS: Final = "*_ \t"
_DEEPEST: Final = 12
_BLOCK_END: Final = re.compile(
    r"\n[ \t]*(?=\n|[-*+•][ \t]|#{1,6}[ \t]|\d{1,3}[.)][ \t]|[|>])"
)


def emphasised(text: str) -> list[str]:
    """Return the passages in Markdown emphasis, in the order in which they end.

    Those inside others count too; a passage may go on in the next line, and a blank
    may stand before its closing signs. ``2 * 3``, ``2*3`` and snake_case hold none.
    """
    found: list[str] = []
    if "*" in text or "_" in text:
        for block in _BLOCK_END.split(text):
            if "*" in block or "_" in block:
                found += _emphasised(block)
    return [passage for passage in found if any(map(str.isalnum, passage))]


def _emphasised(block: str) -> list[str]:
    """Return the passages of a block; one that is marked twice is one."""
    found: dict[tuple[int, int], str] = {}
    for begun, end in _spans(block):
        passage = block[begun:end]
        bare = passage.strip(_SIGNS)
        start = begun + passage.find(bare)
        found.setdefault((start, start + len(bare)), passage)
    return list(found.values())


def _spans(block: str) -> Iterator[tuple[int, int]]:
    """Yield where the passages of a block begin and end."""
    opened: list[tuple[str, int]] = []
    for match in _RUN.finditer(block):
        mark, start, end = match[0], match.start(), match.end()
        before, after = block[max(0, start - 1) : start], block[end : end + 1]
        if len(mark) > _LONGEST_MARK or before == "\\":
            continue
        same = [at for at, (other, _) in enumerate(opened) if other == mark]
        touches = before != "" and not before.isspace()
        free = mark[0] == "*" or not after.isalnum()
        if touches and free and (same or _is_inner(mark, opened)):
            while mark and opened and opened[-1][0][0] == mark[0]:
                if same:
                    del opened[same[-1] + 1 :]
                other, begun = opened.pop()
                yield begun, end
                if len(other) > len(mark):
                    opened.append((other[len(mark) :], begun))
                mark, same = mark[len(other) :], []
        elif same and before in (" ", "\t") and free:
            del opened[same[-1] + 1 :]
            yield opened.pop()[1], end
        elif after and not after.isspace() and not before.isalnum():
            opened = [*opened[-_DEEPEST:], (mark, start)]


def _is_inner(mark: str, opened: list[tuple[str, int]]) -> bool:
    """Tell whether a mark closes a part of the last one, or it and one before it."""
    return (
        bool(opened) and opened[-1][0][0] == mark[0] and len(opened[-1][0]) != len(mark)
    )


_LINE_MARKUP: Final = " \t\u00a0>#*_`~=–—-+•|\"'“”«»‘’<[("
_SENTENCE_END: Final = ".!?…:;*_>\"'”’»)]"
# more markup than this before a mark is no layout
_REACH: Final = 40
_TRAILING_MARKUP: Final = " \t\n*_`~"


def openings(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield the matches that open a line or a sentence, markup and quotes aside."""
    for match in pattern.finditer(text):
        if opens(text, match.start()):
            yield match


def opens(text: str, place: int) -> bool:
    """Tell whether only markup stands before a place in its line or sentence."""
    before = text[max(0, place - _REACH) : place].rpartition("\n")[2]
    if not any(map(str.isalnum, before)):
        return len(before) < _REACH
    bare = before.rstrip(_LINE_MARKUP)
    return bare != before and bare[-1] in _SENTENCE_END


def unwrap(text: str, profile: LanguageProfile) -> str:
    """Return the text without markup and quotes around the whole of it."""
    marks = "".join(mark for pair in profile.quotes.pairs for mark in pair)
    return text.strip(_TRAILING_MARKUP + marks)
