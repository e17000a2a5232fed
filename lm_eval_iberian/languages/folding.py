"""Spelling that does not matter: composition, quote shape, line ends, letter case."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


_SHAPES: Final = str.maketrans(
    {
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
        "\u200b": None,
        "\ufeff": None,
        "\u00ad": None,
    }
)
# dots that are typed for the raised one of Catalan
_GEMINATE: Final = re.compile(r"(?<=[lL])[•‧∙⋅・](?=[lL])")


def compose(text: str) -> str:
    """Return the text in NFC with ``\\n`` for every line end and ``l·l`` for ``ŀl``."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = text.replace("ŀ", "l·").replace("Ŀ", "L·")
        text = _GEMINATE.sub("·", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=16)
def fold(text: str) -> str:
    """Return the text without differences that no reader would call one.

    Composed (NFC), straight quotes and hyphens, plain spaces, ``\\n`` line ends, small
    letters. Two texts that fold alike are the same words.
    """
    if text.isascii():
        return compose(text).lower()
    folded = compose(text).translate(_SHAPES).casefold()
    return unicodedata.normalize("NFC", folded)


def fold_spaces(text: str) -> str:
    """Return the folded text with every run of white space as one space."""
    return " ".join(fold(text).split())
