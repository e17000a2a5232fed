"""Where a mark opens something: at a line's start, or right after a sentence's end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lm_eval_iberian.languages import LanguageProfile


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
