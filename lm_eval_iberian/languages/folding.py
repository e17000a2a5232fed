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
# dots that are typed for the raised one of Catalan
_DOTS: Final = "•‧∙⋅・"
_GEMINATE: Final = re.compile(rf"(?<=[lL])[{_DOTS}](?=[lL])")


def compose(text: str) -> str:
    """Return the text in NFC with ``\\n`` for every line end and ``l·l`` for ``ŀl``."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = text.replace("ŀ", "l·").replace("Ŀ", "L·")
        if any(map(text.__contains__, _DOTS)):
            text = _GEMINATE.sub("·", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_accents(text: str) -> str:
    """Return a text without acute and grave accents; ñ, ç and ü stay as they are."""
    parts = unicodedata.normalize("NFD", text)
    kept = "".join(part for part in parts if part not in "\u0300\u0301")
    return unicodedata.normalize("NFC", kept)


@lru_cache(maxsize=16)
def fold(text: str) -> str:
    """Return the text without differences that no reader would call one.

    Composed (NFC), straight quotes and hyphens, plain spaces, ``\\n`` line ends, small
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
