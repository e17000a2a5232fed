"""Splits text into words, sentences and paragraphs by the rules of a language.

Sentences: nltk's Punkt algorithm with the pack's abbreviations and no trained model,
so nothing is ever downloaded; lines are split and their markers stripped first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from lm_eval_iberian.languages.folding import compose
from lm_eval_iberian.languages.profile import LanguageProfile


_ADDRESS: Final = r"(?:https?://|www\.)[^\s<>()\[\]]+"
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
_INLINE: Final = re.compile(r"[*_`]+|</?[a-zA-Z][^<>\n]{0,80}>")
_TERMINATED: Final = re.compile(r"[.!?…][\"'”’»)\]]*$")
_AFTER_ELLIPSIS: Final = re.compile(r"(?:\.{3}|…)[\"'”’»)\]]*(\s+)")
_QUOTED_END: Final = re.compile(r"[.!?…][\"”’»]$")
_ROMAN_END: Final = re.compile(r"(?<![^\W_])[IVXLCM]{1,9}\.$")
_LAST_TOKEN: Final = re.compile(r"[^\s([{«“\"'‘]{1,40}$")
_CLOSERS: Final = "\"'”’»)],;:"
_OPENERS: Final = " \t\n\"'«“”‘([{*_¿¡-–—,;:)]»”"
Span = tuple[int, int]


def words(text: str, profile: LanguageProfile) -> list[str]:
    """Return the words of a text, as a reader of the language would count them.

    A word holds a letter or a digit. The pack's joiners hold its parts together
    (``etxe-orratz``, ``don't``, ``3,5``); an address or an acronym is one word.
    """
    found: list[str] = _word_pattern(profile).findall(compose(text))
    return found


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
        spans = _split_ellipses(unit, _punkt(profile).span_tokenize(unit))
        found.extend(unit[start:end] for start, end in _merged(unit, spans, profile))
    return found


@cache
def _word_pattern(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile the word rule of a language."""
    letter = rf"[^\W_]|[{_marks()}]"
    joiners = "".join(re.escape(c) for c in profile.words.joiners) + "_"
    numeric = "".join(re.escape(c) for c in profile.words.number_joiners)
    joint = rf"[{joiners}](?=[^\W_])|(?<=\d)[{numeric}](?=\d)"
    acronym = r"(?<![^\W_])(?:[^\W\d_]\.){2,20}(?:[^\W\d_](?![^\W_]))?"
    return re.compile(rf"{_ADDRESS}|{acronym}|[^\W_](?:{letter}|{joint})*")


@cache
def _marks() -> str:
    """Return the combining marks that ``\\w`` leaves out; some scripts need them."""
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
        body = _INLINE.sub("", line[marker:]).strip()
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


@cache
def _punkt(profile: LanguageProfile) -> Any:
    """Make the Punkt splitter of a language; nltk is slow to import, so only now."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types.update(profile.sentences.before_word)
    parameters.sent_starters.update(profile.sentences.starters)
    return PunktSentenceTokenizer(parameters)


def _split_ellipses(unit: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Cut where an ellipsis is followed by a capital letter, which Punkt never does."""
    for start, end in spans:
        for match in _AFTER_ELLIPSIS.finditer(unit, start, end):
            if _first_letter(unit, match.end()).isupper():
                yield start, match.start(1)
                start = match.end()
        yield start, end


def _merged(
    unit: str, spans: Iterable[Span], profile: LanguageProfile
) -> Iterator[Span]:
    """Join spans that were cut at a full stop which ends no sentence."""
    held: Span | None = None
    last = ""
    for start, end in spans:
        if held and _continues(last, unit[start:end], profile):
            held = (held[0], end)
        else:
            if held:
                yield held
            held = (start, end)
        last = unit[start:end]
    if held:
        yield held


def _continues(before: str, after: str, profile: LanguageProfile) -> bool:
    """Tell whether ``after`` is the same sentence as ``before``."""
    rules = profile.sentences
    if not any(map(str.isalnum, after)) or not any(map(str.isalpha, before)):
        return True
    first = _first_letter(after, 0)
    if first.islower():
        if _QUOTED_END.search(before) or after[0] in _CLOSERS:
            return True
        if rules.roman_ordinals and _ROMAN_END.search(before):
            return True
        if rules.arabic_ordinals and before[-2:-1].isdigit() and before[-1] == ".":
            return True
    token = _last_abbreviation(before)
    if first.isdigit() and token in rules.before_number:
        return True
    return (first.islower() or first.isdigit()) and token in rules.closing


def _first_letter(text: str, start: int) -> str:
    """Return the first character after opening marks, or nothing."""
    return text[start : start + 8].lstrip(_OPENERS)[:1]


def _last_abbreviation(text: str) -> str:
    """Return the last token in small letters, without the marks around it."""
    match = _LAST_TOKEN.search(text[-48:].rstrip("\"'”’»)]"))
    return match[0].lower().rstrip(".") if match else ""
