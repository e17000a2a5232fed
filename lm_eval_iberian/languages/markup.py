"""Parts of a Markdown answer that are no running text."""

from __future__ import annotations


def without_fences(text: str) -> str:
    """Return the text without fenced code; fenced text if there is nothing else.

    An unclosed fence reaches to the end, as in Markdown.
    """
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
