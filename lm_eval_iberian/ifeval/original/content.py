"""detectable_content in the original: placeholders, postscript."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, shorten
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


MARKERS: Final = ("P.S.", "P.P.S")
# the spellings of these two that are let pass
_LENIENT: Final = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}


def placeholders(text: Text, arguments: Arguments) -> Verdict:
    """At least so many pairs of square brackets, whatever they hold."""
    wanted = arguments.count("num_placeholders", 1, 4)
    found = sum(map(_brackets, text.value.split("\n")))
    reason = f"{found} pairs of square brackets found, at least {wanted} wanted"
    return Verdict(found >= wanted, reason)


def _brackets(line: str) -> int:
    r"""Count the matches of ``\[.*?\]`` in a line, in linear time."""
    found = place = 0
    while (opening := line.find("[", place)) >= 0:
        closing = line.find("]", opening)
        if closing < 0:
            break
        found, place = found + 1, closing + 1
    return found


def postscript(text: Text, arguments: Arguments) -> Verdict:
    """The marker, as a pattern, stands anywhere."""
    marker = arguments.phrase("postscript_marker", MARKERS)
    match = marker_pattern(marker).search(text.lowered)
    if match:
        found = shorten(text.value[match.start() : match.start() + 60], 30)
        return Verdict(True, f"marker '{marker}' found: '{found}'")
    return Verdict(False, f"marker '{marker}' not found")


@lru_cache(maxsize=1024)
def marker_pattern(marker: str) -> re.Pattern[str]:
    r"""Compile a marker.

    The original has ``\s*`` before it, which changes nothing but the time, unless the
    marker begins with a sign that repeats.
    """
    if marker in _LENIENT:
        return re.compile(_LENIENT[marker])
    before = r"\s*" if marker[:1] in ("", "*", "+", "?", "{") else ""
    return re.compile(before + marker.lower() + ".*$", re.MULTILINE)


CHECKS = {
    "detectable_content:number_placeholders": placeholders,
    "detectable_content:postscript": postscript,
}
