"""The errors this package raises, and how it words a name it does not know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator


class IberianError(Exception):
    """Root of every error raised on purpose; its text is fit to show a user."""


class UnknownNameError(IberianError, KeyError):
    """A name was asked for that does not exist.

    Args:
        kind: What the name was meant to be, e.g. ``"task"``.
        name: The name as it was asked for.
        known: Every name that would have been accepted.
        listed_by: What lists them, where they are too many to print.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], listed_by: str = ""
    ) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(unknown_name(kind, name, self.known, listed_by))

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class DataError(IberianError, ValueError):
    """Data that was found does not have the form it must have."""


class DataUnavailableError(IberianError, OSError):
    """Data that is needed is neither here nor to be had now.

    Args:
        fact: What is missing and why; a sentence without ``advice``.
        advice: Which command to run, with what joins it to the fact. Whoever runs
            that command already prints the fact alone.
    """

    def __init__(self, fact: str, advice: str = "") -> None:
        self.fact, self.advice = fact, advice
        super().__init__(f"{fact}{advice}")


class MissingExtraError(IberianError, ImportError):
    """A package that an extra of ours installs is not there."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, what caused that."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


_LISTED = 40


def unknown_name(
    kind: str, name: str, known: Iterable[str], listed_by: str = ""
) -> str:
    """Word the message for an unknown name: the three nearest, then what exists."""
    names, name = sorted(known), str(name)
    same = [known for known in names if known.casefold() == name.casefold()]
    near = [*same, *difflib.get_close_matches(name, names, n=3, cutoff=0.5)]
    near = list(dict.fromkeys(near))[:3]
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    if listed_by:
        return f"Unknown {kind} {name!r}.{hint} `{listed_by}` lists all"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    listed = ", ".join(names[:_LISTED]) or "none"
    return f"Unknown {kind} {name!r}.{hint} Available: {listed}{more}."
