"""Print what others wrote: shown, never obeyed."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress, TextColumn


def shown(text: object) -> str:
    """Escape what a terminal would obey instead of showing."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in str(text)
    )


def one_line(text: object, longest: int = 300) -> str:
    """Return a text as one printable line, cut where it is too long."""
    line = shown(" ".join(str(text)[: 10 * longest].split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def first_of(names: Sequence[str], most: int, between: str = ", ") -> str:
    """Return names as a list, of many the first.

    >>> first_of(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{between.join(names[:most])}{more}"


def counted(number: int, what: str) -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def some(items: Sequence[object], most: int = 8) -> str:
    """Return items as a list, of many the first and that there are more."""
    told = ", ".join(map(str, items[:most]))
    return f"{told}, …" if len(items) > most else told


def console() -> Console:
    """Return a console that takes nothing for markup or emoji, in any encoding."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    found = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not found.is_terminal:  # a pipe has no edge: a table is as wide as its rows
        found.width = 1_000_000
    return found


def progress(*columns: str) -> Progress:
    """Return progress bars on stderr; nothing at all where that is no terminal."""
    to = Console(file=sys.stderr, markup=False, highlight=False, emoji=False)
    extra = [TextColumn(column, markup=False) for column in columns]
    bars = Progress.get_default_columns()[1:]
    text = TextColumn("{task.description}", markup=False)
    return Progress(
        text, *bars, *extra, console=to, disable=not to.is_terminal, transient=True
    )
