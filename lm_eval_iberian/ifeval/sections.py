"""Finds the numbered headings of sections: ``Section 1``, ``2. ATALA."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.layout import openings
from lm_eval_iberian.languages import LanguageProfile, compose


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
