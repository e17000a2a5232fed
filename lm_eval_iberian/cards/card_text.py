"""Markdown of a card: whatever others wrote is shown, and starts no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


_BACKTICKS = re.compile(r"`+")


def code(text: str) -> str:
    """Return a text as code within a line, whatever backticks it holds.

    >>> code("<|end|>")
    '`<|end|>`'
    >>> code("a`b")
    '``a`b``'
    """
    line = " ".join(text.split())
    marks = "`" * (_longest(line) + 1)
    # a backtick at an edge, or nothing at all, needs a space
    edge = " " if not line or "`" in (line[0], line[-1]) else ""
    return f"{marks}{edge}{line}{edge}{marks}"


def fenced(text: str, language: str) -> str:
    """Return a text as a block of code that nothing in it ends."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a table of cells that are Markdown already.

    Args:
        header: What each column is called.
        rows: The cells.
        texts: How many columns on the left are texts; the others are numbers.
    """
    rule = ["---" if at < texts else "---:" for at in range(len(header))]
    # an interval is read as one
    kept = (
        (*row[:texts], *(cell.replace(" ", "\u00a0") for cell in row[texts:]))
        for row in rows
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *kept))


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = names or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def _longest(text: str) -> int:
    return max((len(found) for found in _BACKTICKS.findall(text)), default=0)
