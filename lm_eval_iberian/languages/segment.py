"""Splits text into words, sentences and paragraphs by the rules of a language.

Sentences: lines are split and their markers stripped first, then each run of lines is
cut where ``sentence_ends`` says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final

from lm_eval_iberian.languages.folding import compose
from lm_eval_iberian.languages.markup import plain_line
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.sentence_ends import sentence_spans


_ADDRESS: Final = (
    r"(?:https?://|www\.)[^\s<>()\[\]]+"
    r"|[^\W_][\w.+-]{0,63}@[^\W_][\w-]{0,62}(?:\.[^\W_][\w-]{0,62}){1,5}"
)
# without any of these there is no address
_ADDRESS_SIGNS: Final = ("://", "www.", "@")
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
# headings, whole lines in bold, titles, stage directions and table rows
_LABEL: Final = re.compile(
    r"\s*(?:#{1,6}\s|\*\*[^*\n]+\*\*:?\s*$|<<[^\n]*>>\s*$|\|"
    r"|[*_]{0,3}[(\[][^()\[\]]*[)\]][*_]{0,3}:?\s*$)"
)
_MARKER: Final = re.compile(
    r"\s*(?:>\s*)*(?:#{1,6}\s+|[-*+•◦▪–]\s+(?:\[[ xX]\]\s+)?|\(?\d{1,3}[.)]\s+"
    r"|\(?[a-zA-Z]\)\s+)"
)
# <price> in a document is no text
_ELEMENT: Final = re.compile(r"</?[a-zA-Z][^<>\n]{0,80}>")
# The variants of an answer share their lines: those of a usual length are kept.
_SHORT: Final = 2000
_TERMINATED: Final = re.compile(r"[.!?…][\"'”’»)\]]*$")


def words(text: str, profile: LanguageProfile) -> list[str]:
    """Return the words of a text, as a reader of the language would count them.

    A word holds a letter or a digit. The pack's joiners hold its parts together
    (``etxe-orratz``, ``don't``, ``3,5``); an address or an acronym is one word. Signs
    of markup part words: ``plain`` takes them out of an answer.
    """
    return [
        word for line in compose(text).split("\n") for word in _words(line, profile)
    ]


def paragraphs(text: str) -> list[str]:
    """Return the blocks between blank lines that hold a letter or a digit."""
    blocks = (block.strip() for block in _BLANK_LINE.split(compose(text)))
    return [block for block in blocks if any(map(str.isalnum, block))]


def sentences(text: str, profile: LanguageProfile) -> list[str]:
    """Return the sentences of a text.

    Lines are units of their own unless one plainly runs on; headings, titles in double
    angular brackets, table rows and rules are no sentences; a list item is one.
    """
    found: list[str] = []
    for unit in _units(compose(text)):
        found += _sentences(unit, profile)
    return found


def _words(line: str, profile: LanguageProfile) -> Sequence[str]:
    """Return the words of a line; no word goes on in the next."""
    if len(line) <= _SHORT:
        return _words_of_short(line, profile)
    return _found_words(line, profile)


@lru_cache(maxsize=2048)
def _words_of_short(line: str, profile: LanguageProfile) -> tuple[str, ...]:
    return tuple(_found_words(line, profile))


def _found_words(line: str, profile: LanguageProfile) -> list[str]:
    """Return the words of a line; what it has no sign of is not sought."""
    addresses = any(map(line.__contains__, _ADDRESS_SIGNS))
    acronyms = line.count(".") > 1
    found: list[str] = _word_pattern(profile, addresses, acronyms).findall(line)
    return found


def _sentences(unit: str, profile: LanguageProfile) -> Sequence[str]:
    """Return the sentences of a run of lines."""
    if len(unit) <= _SHORT:
        return _sentences_of_short(unit, profile)
    return [unit[start:end] for start, end in sentence_spans(unit, profile)]


@lru_cache(maxsize=2048)
def _sentences_of_short(unit: str, profile: LanguageProfile) -> tuple[str, ...]:
    return tuple(unit[start:end] for start, end in sentence_spans(unit, profile))


@cache
def _word_pattern(
    profile: LanguageProfile, addresses: bool, acronyms: bool
) -> re.Pattern[str]:
    """Compile the word rule of a language, addresses and acronyms aside if need be."""
    joiners = "".join(re.escape(c) for c in profile.words.joiners) + "_"
    numeric = "".join(re.escape(c) for c in profile.words.number_joiners)
    joint = rf"[{joiners}](?=[^\W_])|(?<=\d)[{numeric}](?=\d)|\.(?=[ºª])"
    if "·" in joiners:  # col.legi is col·legi in a hurry
        joint += r"|(?<=[^\W\d_]l)\.(?=l[^\W\d_])|(?<=[^\W\d_]L)\.(?=L[^\W\d_])"
    thousands = r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))"
    acronym = r"(?<![^\W_])(?:[^\W\d_]\.){2,20}(?:[^\W\d_](?![^\W_]))?"
    word = rf"[^\W_]+(?:(?:[{_marks()}]|{joint}|{thousands})[^\W_]*)*"
    kinds = [_ADDRESS] * addresses + [acronym] * acronyms + [word]
    return re.compile("|".join(kinds))


@cache
def _marks() -> str:
    r"""Return the combining marks that ``\w`` leaves out; some scripts need them."""
    marks = (chr(c) for c in range(0x300, 0x10000))
    return "".join(c for c in marks if unicodedata.category(c) in ("Mn", "Mc"))


def _units(text: str) -> Iterator[str]:
    """Yield the runs of lines that belong together, without their list markers."""
    held: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and fence in ("", mark):
            fence = "" if fence else mark
            continue
        marker = _marker_end(line)
        body = line[marker:]
        if "<" in body:
            body = _ELEMENT.sub("", body)
        body = plain_line(body).strip()
        opened = bool(held) and held[-1].endswith(":")
        if not body and opened:
            continue
        if held and not opened and (marker or not _runs_on(held[-1], body)):
            yield " ".join(held)
            held = []
        if _is_running_text(line, body, bool(fence)):
            held.append(body)
    if held:
        yield " ".join(held)


def _marker_end(line: str) -> int:
    """Return where the text of a line begins after its list marker, 0 without one."""
    match = _MARKER.match(line)
    return match.end() if match else 0


def _is_running_text(line: str, body: str, fenced: bool) -> bool:
    """Tell whether a line says something; a label or code needs a full stop for it."""
    if not any(map(str.isalnum, body)):
        return False
    return not (fenced or _LABEL.match(line)) or bool(_TERMINATED.search(body))


def _runs_on(line: str, following: str) -> bool:
    """Tell whether a sentence goes on over a line end: a comma, or a small letter."""
    if not following or _TERMINATED.search(line):
        return False
    return line.endswith(",") or following[0].islower()
