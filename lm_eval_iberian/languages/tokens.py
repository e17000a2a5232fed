"""The words of a line with the signs around them, and what follows each.

Every step looks at a bounded piece of the text, so the time grows with its length only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple


# more signs, or letters, than this are no end of a sentence, and no abbreviation
_REACH: Final = 40
_TOKEN: Final = re.compile(r"\S+")
_MARK: Final = re.compile(
    r"([.!?…]{1,40})([^\s\w,;:\[]*)(?:\[\d{1,3}\])*(?=\s+[^\s,;]|\s*$)"
)
_NOTES: Final = re.compile(r"(?<=\S)(?:\[\d{1,3}\]){1,9}\.?$")
_FOLLOWING: Final = re.compile(r"[^\W_]+(?:[-'’·.][^\W_]+)*\.?")
_NAME: Final = re.compile(r"\s+[A-ZÀ-Þ][^\W\d_A-ZÀ-Þ]")
_JOINT: Final = re.compile(r"-|['’](?![A-ZÀ-Þ])")
_NUMBER: Final = re.compile(r"\d[\d.,:/-]*[^\W\d_]{0,2}")
_ACRONYM: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_QUOTES: Final = "\"'”’»)"
_ASIDE: Final = "-–—,;"
OPENING: Final = " \t\"'«“”‘([{*_¿¡:)]»" + _ASIDE
# signs alone that begin with one of these belong to the word after them
_FORWARD: Final = "«“‘([{¿¡<#-–—"


class Token(NamedTuple):
    """A word with the signs around it, and the mark that may end its sentence.

    ``quoted``: a quotation or a bracket closes after the mark; ``opened``: a bracket
    opens before the word.
    """

    start: int
    end: int
    word: str
    mark: str = ""
    quoted: bool = False
    opened: bool = False

    @property
    def is_initial(self) -> bool:
        """Whether it is a single letter."""
        return len(self.word) == 1 and self.word.isalpha()

    @property
    def is_acronym(self) -> bool:
        """Whether it is made of letters with a full stop after each: U.S."""
        return bool(_ACRONYM.fullmatch(self.word))

    @property
    def is_number(self) -> bool:
        """Whether it is a number, with an ending or a unit of two letters at most."""
        return bool(_NUMBER.fullmatch(self.word))


class Next(NamedTuple):
    """What follows a mark: signs, a word, and whether a name follows that one.

    ``stem`` is the word up to a joint: SMS in SMS-ak, L in L'aigua; O'Neill has none.
    """

    signs: str
    word: str
    stem: str = ""
    names: bool = False

    @property
    def is_small(self) -> bool:
        """Whether it begins small; iPhone and eBay may begin a sentence."""
        return self.word[:1].islower() and not self.word[1:2].isupper()

    @property
    def is_initial(self) -> bool:
        """Whether it is a single letter with a full stop."""
        return len(self.word) == 2 and self.word[0].isalpha() and self.word[1] == "."

    @property
    def is_aside(self) -> bool:
        """Whether a dash or a comma stands before it."""
        return any(sign in _ASIDE for sign in self.signs)

    @property
    def is_bracketed_number(self) -> bool:
        """Whether it is a number in brackets, as the year after an author's name."""
        return "(" in self.signs and self.word[:1].isdigit()


class Tokens:
    """The words of a text; signs alone belong to the word before them.

    Each is read when it is asked for: most have no mark, and need not be.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans = _spans(text)
        self._read: dict[int, Token] = {}

    def __getitem__(self, place: int) -> Token:
        found = self._read.get(place)
        if found is None:
            found = self._read[place] = _token(self.text, *self.spans[place])
        return found

    def marked(self) -> Iterator[int]:
        """Yield the places of the words with a mark that may end a sentence.

        The last word of the text is none of them.
        """
        for place, (_, end, last) in enumerate(self.spans[:-1]):
            if last + 1 < end and last >= 0 and self[place].mark:
                yield place


def _spans(text: str) -> list[tuple[int, int, int]]:
    """Return where each word begins and ends, and the place of its last letter."""
    spans: list[tuple[int, int, int]] = []
    for start, end in map(re.Match.span, _TOKEN.finditer(text)):
        last = end - 1
        if text[last].isalnum():
            spans.append((start, end, last))
            continue
        last = _last_letter(text, start, end)
        if last < 0 and spans and text[start] not in _FORWARD:
            spans[-1] = (spans[-1][0], end, spans[-1][2])
        else:
            spans.append((start, end, last))
    while len(spans) > 1 and spans[-1][2] < 0:
        end = spans.pop()[1]
        spans[-1] = (spans[-1][0], end, spans[-1][2])
    return spans


def following(text: str, start: int) -> Next:
    """Read the beginning of what follows a mark."""
    text = text[start : start + _REACH]
    bare = text.lstrip(OPENING)
    signs = text[: len(text) - len(bare)]
    match = _FOLLOWING.match(bare)
    if match is None:
        return Next(signs, bare[:1])
    stem = _JOINT.split(match[0], maxsplit=1)[0].rstrip(".")
    return Next(signs, match[0], stem, bool(_NAME.match(bare, match.end())))


def _last_letter(text: str, start: int, end: int) -> int:
    """Return the place of the last letter or digit, -1 without one.

    Numbers of notes are left out: ``so.[11] It``.
    """
    note = _NOTES.search(text, max(start, end - _REACH), end)
    for place in range((note.start() if note else end) - 1, start - 1, -1):
        if text[place].isalnum():
            return place
    return -1


def _token(text: str, start: int, end: int, last: int) -> Token:
    """Read the word of a token, and the mark after it."""
    if last < 0:
        return Token(start, end, "")
    word = text[max(start, last - _REACH) : last + 1].lstrip(OPENING)
    if last + 1 == end:
        return Token(start, end, word)
    match = _MARK.search(text, last + 1, min(end, last + _REACH))
    if match is None:
        return Token(start, end, word)
    if match.start() > last + 1 and word.isalpha():
        # in C++. the full stop is not that of an initial; S/. is an abbreviation
        between = text[last + 1 : match.start()]
        word = word + between if between == "/" else ""
    quoted = any(sign in _QUOTES for sign in match[2])
    return Token(start, end, word, match[1], quoted, text[start] in "([")
