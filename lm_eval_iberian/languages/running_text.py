"""The running text of an answer: what is left without code, addresses and markup."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import Final

from lm_eval_iberian.languages.folding import compose


# fewer letters than this are no text to judge
MIN_LETTERS: Final = 15
# more than this is not looked at; hostile or looping answers are no longer for it
LONGEST: Final = 18_000
CHUNK: Final = 80
_PARAGRAPH: Final = 40
_LONGEST_CHUNK: Final = 160

_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+")
_CODE: Final = re.compile(r"`[^`\n]{1,300}`")
_NOISE: Final = re.compile(r"\[[^\[\]\n]{0,300}\]|`[^`\n]{1,300}`")
_VOWEL_SIGNS: Final = ("Mn", "Mc")
_MARKER: Final = re.compile(r"\n[ \t>]{0,40}(?:[-*+•]|#{1,6}|\d{1,3}[.)])[ \t]+")
_STARS: Final = re.compile(r"\*+")
_OTHER_MARKUP: Final = "_#`|<>{}\\~="
# White space after a sentence end; it is sought by the space, there are fewer.
_SPACED_END: Final = re.compile(r"\s(?<=[.!?…]\s)\s*")
_WIDE: Final = "。！？।"
_SENTENCE_END: Final = re.compile(rf"(?<=[.!?…])\s+|(?<=[{_WIDE}])")
_CUT: Final = re.compile(
    rf"\S.{{1,{_LONGEST_CHUNK}}}(?=\s|$)|\S.{{0,{_LONGEST_CHUNK}}}"
)


def running_text(text: str) -> str:
    """Return the text in small letters, without code, addresses and markup.

    Placeholders are left out too, unless nearly all the text stands in brackets. Of a
    text beyond ``LONGEST`` characters, its beginning, middle and end are kept.
    """
    text = sample(without_fences(compose(text).lower()))
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(" ", text)
    text = prose = _MARKER.sub("\n", f"\n{text}")
    if "[" in text or "`" in text:
        for noise in (_NOISE, _CODE):
            prose = noise.sub(" ", text)
            if count_letters(prose, MIN_LETTERS) == MIN_LETTERS:
                break
    for sign in _OTHER_MARKUP:
        prose = prose.replace(sign, "*")
    return _STARS.sub(" ", prose).strip()


def without_fences(text: str) -> str:
    """Return the text without fenced code; fenced text if there is nothing else.

    An unclosed fence reaches to the end, as in Markdown.
    """
    if "```" not in text and "~~~" not in text:
        return text if any(map(str.isalpha, text)) else ""
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and fence in ("", mark):
            fence = "" if fence else mark
        else:
            (inside if fence else outside).append(line)
    if not any(map(str.isalpha, "".join(outside))):
        outside = inside
    return "\n".join(outside)


def sample(text: str) -> str:
    """Return the text, or its first, middle and last ``LONGEST / 3`` characters."""
    if len(text) <= LONGEST:
        return text
    part = LONGEST // 3
    middle = (len(text) - part) // 2
    return "\n".join((text[:part], text[middle : middle + part], text[-part:]))


def count_letters(text: str, limit: int) -> int:
    """Count letters, and the signs that stand for vowels in Indic scripts, to a limit.

    Beyond the limit it makes no difference how many there are.
    """
    if sum(map(str.isalpha, text[: 2 * limit])) >= limit:
        return limit
    return sum(1 for _ in islice(filter(_is_letter, text), limit))


def _is_letter(character: str) -> bool:
    """Say whether a character is a letter or a vowel sign."""
    return character.isalpha() or unicodedata.category(character) in _VOWEL_SIGNS


def chunks(text: str) -> list[str]:
    """Cut a text at line and sentence ends into parts of 80 characters or more.

    A paragraph of 40 is a part of its own: it may be a preamble; and so is a sentence
    of 40 before one that is long enough alone: together they may be two languages.
    A longer stretch without a sentence end is cut between words. The last part may be
    shorter; together the parts are the whole text.
    """
    parts: list[str] = []
    held = ""
    ends = _SPACED_END
    if not text.isascii() and any(sign in text for sign in _WIDE):
        ends = _SENTENCE_END
    for line in text.split("\n"):
        if not line.strip():
            if len(held) >= _PARAGRAPH:
                parts.append(held)
                held = ""
            continue
        for piece in _pieces(line, ends):
            if len(held) >= _PARAGRAPH and len(piece) >= CHUNK:
                parts.append(held)
                held = ""
            held = f"{held} {piece}" if held else piece
            if len(held) >= CHUNK:
                parts.append(held)
                held = ""
    return [*parts, held] if held else parts


def _pieces(line: str, ends: re.Pattern[str]) -> list[str]:
    """Return the sentences of a line; what is too long for one in parts."""
    sentences = ends.split(line)
    if len(line) <= 2 * _LONGEST_CHUNK:
        return [piece for piece in sentences if piece.strip()]
    found: list[str] = []
    for piece in sentences:
        if len(piece) > 2 * _LONGEST_CHUNK:
            found += _CUT.findall(piece)
        elif piece.strip():
            found.append(piece)
    return found
