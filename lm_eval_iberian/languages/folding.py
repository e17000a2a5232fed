"""Spelling that does not matter: composition, quote shape, line ends, letter case."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


_SHAPES: Final = {
    "‘": "'",
    "’": "'",
    "‚": "'",
    "‛": "'",
    "ʼ": "'",
    "´": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "‟": '"',
    "‐": "-",
    "‑": "-",
    "\u00a0": " ",
    "\u202f": " ",
    "\u200b": "",
    "\ufeff": "",
    "\u00ad": "",
}
# they show nothing and part nothing: of zero width, soft hyphens, marks of direction
_INVISIBLE: Final = re.compile(
    "[\0\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]"
)
# letters and signs by their category, which show nothing all the same
_EMPTY: Final = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe0e\ufe0f\uffa0"
# dots that are typed for the raised one of Catalan
_DOTS: Final = "•‧∙⋅・"
_GEMINATE: Final = re.compile(rf"(?<=[lL])[{_DOTS}](?=[lL])")


def compose(text: str) -> str:
    r"""Return the text in NFC with ``\n`` for every line end and ``l·l`` for ``ŀl``."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = text.replace("ŀ", "l·").replace("Ŀ", "L·")
        if any(map(text.__contains__, _DOTS)):
            text = _GEMINATE.sub("·", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def visible(text: str) -> str:
    """Return the text without characters that show nothing and part nothing."""
    if text.replace("\n", "").isprintable():
        return text
    return _INVISIBLE.sub("", text)


def is_blank(text: str) -> bool:
    """Tell whether a text shows nothing: white space and invisible characters."""
    first = text[:1]
    if first.isalnum() and first not in _EMPTY:
        return False
    return all(
        c.isspace() or c in _EMPTY or unicodedata.category(c) in ("Cc", "Cf")
        for c in text
    )


# signs that are typed in several ways
TYPED: Final = "-–—….°˚º"
_DASH: Final = re.compile(r"\s(?:-{1,3}|[–—])(?=\s)")
_LONG_DASH: Final = re.compile("-{2,3}|—")
_ABBREVIATED: Final = re.compile(r"\.[ \u00a0\u202f](?=[^\W\d_]{1,2}\.)")


@lru_cache(maxsize=32)
def typed_alike(text: str) -> str:
    """Return the text with one form of what typists write in several.

    ``…`` is ``...``, a dash between blanks a hyphen, ``—`` two of them, ``n.°``
    ``n.º``, ``EE. UU.`` ``EE.UU.``.
    """
    if any(map(text.__contains__, "-–—")):
        text = _LONG_DASH.sub("--", _DASH.sub(" -", text)).replace("–", "-")
    text = text.replace("…", "...").replace("°", "º").replace("˚", "º")
    return _ABBREVIATED.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    """Drop the blank behind one or two letters with a full stop: EE. UU."""
    start = match.start()
    letters = re.split(r"[\W\d_]", match.string[max(0, start - 3) : start])[-1]
    return "." if 0 < len(letters) < 3 else match[0]


def without_accents(text: str) -> str:
    """Return a text without acute and grave accents; ñ, ç and ü stay as they are."""
    parts = unicodedata.normalize("NFD", text)
    kept = "".join(part for part in parts if part not in "\u0300\u0301")
    return unicodedata.normalize("NFC", kept)


@lru_cache(maxsize=16)
def fold(text: str) -> str:
    r"""Return the text without differences that no reader would call one.

    Composed (NFC), straight quotes and hyphens, plain spaces, ``\n`` line ends, small
    letters. Two texts that fold alike are the same words.
    """
    if text.isascii():
        return compose(text).lower()
    text = compose(text)
    for shape, plain in _SHAPES.items():
        text = text.replace(shape, plain)
    return unicodedata.normalize("NFC", text.casefold())


def fold_spaces(text: str) -> str:
    """Return the folded text with every run of white space as one space."""
    return " ".join(fold(text).split())


def fold_typed(text: str) -> str:
    """Return the text as ``fold_spaces`` does, typed in one way."""
    return typed_alike(fold_spaces(text))
