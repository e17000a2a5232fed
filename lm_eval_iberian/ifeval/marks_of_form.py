"""Marks of form in an answer: openings of lines, headings of sections, options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.languages import LanguageProfile, compose, fold_spaces


_NUMBER: Final = r"(?:\d{1,3}|[IVXLC]{1,7}|[ivxlc]{1,7})(?![^\W_])"
_ROMAN: Final = re.compile(r"(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", re.I)


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


# emphasis and quotes may stand anywhere in an option: My answer is **yes**.
_MARKS: Final = str.maketrans("", "", '*_`"“”«»')


def offered(answer: Answer) -> tuple[str, ...]:
    """Return the options that the prompt lists, else those of the language's pack."""
    listed: dict[str, str] = {}
    if answer.prompt:
        for match in _listed_pattern(answer.profile).finditer(answer.prompt):
            option = " ".join(match[0].split()).rstrip(" ,;")
            listed.setdefault(_key(option), option)
    listed.pop("", None)
    if len(listed) > 1:
        return tuple(listed.values())
    return answer.profile.constrained.options


def chosen(text: str, options: tuple[str, ...]) -> list[str]:
    """Return the options that a text holds; case and the last full stop are free."""
    folded = fold_spaces(text.translate(_MARKS))
    found = []
    for option in sorted(options, key=len, reverse=True):
        pattern = rf"(?<![^\W_]){re.escape(_key(option))}(?![^\W_])"
        folded, uses = re.subn(pattern, "\n", folded)
        if uses:
            found.append(option)
    return found


def _key(option: str) -> str:
    """Return an option as it is compared."""
    return fold_spaces(option.translate(_MARKS)).rstrip(" .")


@lru_cache(maxsize=64)
def _listed_pattern(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile how an option looks in a prompt: its stem and some words more."""
    stems = "|".join(map(re.escape, profile.constrained.stems))
    words = r"[^.\n\"'“”«»‘’()/;,]{1,60}"
    return re.compile(rf"(?<![^\W_])(?:{stems})[ \t]+{words}\.?", re.IGNORECASE)


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
