"""Texts that others wrote, fit to be put into a page: shown, never obeyed."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final


# line feeds and tabs are layout; joiners make words and faces of what they join
_KEPT: Final = frozenset("\n\t\u200c\u200d")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LONE: Final = re.compile("[\ud800-\udfff]")


def visible(text: object) -> str:
    """Return a text with what would not be seen, or turns what follows, spelled out.

    Control and format characters, bidirectional overrides and lone surrogates become
    ``⟨U+202E⟩``; the result has a UTF-8 form.
    """
    return "".join(
        f"⟨U+{ord(c):04X}⟩"
        if c not in _KEPT and unicodedata.category(c) in _HIDDEN
        else c
        for c in str(text)
    )


def script_json(value: Any) -> str:
    """Return JSON that stands in a ``<script>`` and cannot end it.

    It is ASCII, and neither a tag nor a comment can begin in it.

    Raises:
        ValueError: A number in it is not finite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def chunk_json(value: Any) -> bytes:
    """Return JSON to be compressed: UTF-8, lone surrogates as escapes.

    Raises:
        ValueError: A number in it is not finite.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
