"""The errors this package raises, and how it words a name it does not know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MergeError(Exception):
    """Root of every error raised on purpose; its text is fit to show a user."""


class RecipeError(MergeError, ValueError):
    """A recipe asks for something that does not exist or cannot be."""


class InputError(MergeError, ValueError):
    """A model to be merged is missing, unreadable, unlike the others or not finite."""


class OutputError(MergeError, OSError):
    """The result cannot be put where it was asked for."""


class CompatError(MergeError, ImportError):
    """The installed mergekit is not one this package knows its way around in."""


def word_stop(who: str, error: Exception) -> str:
    """Word what has stopped a merge that leaves everything as it was."""
    text = " ".join(str(error).split()) or "no reason given"
    return f"{who} stopped, and nothing was kept: {type(error).__name__}: {text}"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Word the message for an unknown name: the nearest match, then what exists."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return f"Unknown {kind} {name!r}.{hint} Available: {', '.join(names) or 'none'}."
