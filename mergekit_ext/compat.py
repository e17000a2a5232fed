"""Where mergekit is entered: what it has, or a sentence on what has moved.

What it has no interface for is changed in it for the time of a merge; see ``lent``.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from packaging.version import Version

from mergekit_ext.errors import CompatError


FIRST, NEXT = "0.1.5", "0.2"
SUPPORTED = f"{FIRST} or later, before {NEXT}"

# what is changed now -> what was there, and how many need the change
_LENT: dict[tuple[Any, str], tuple[Any, int]] = {}
_LENDING = threading.Lock()


def check_mergekit() -> None:
    """Check that the installed mergekit is a supported release.

    Raises:
        CompatError: If it is another, or there is none.
    """
    _check_release(version)


@cache  # to look a release up takes milliseconds, and a merge asks fifty times
def _check_release(asked: Callable[[str], str]) -> None:
    try:
        found = asked("mergekit")
    except PackageNotFoundError:
        raise CompatError("mergekit is not installed: pip install mergekit") from None
    # the release alone: a development version of it has what it has
    if not Version(FIRST).release <= Version(found).release < Version(NEXT).release:
        raise CompatError(f"mergekit {found} is installed; {SUPPORTED}, is needed.")


def attribute(owner: Any, name: str) -> Any:
    """Return an attribute of mergekit's, or say that it has moved.

    Raises:
        CompatError: If it is not there.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        where = getattr(owner, "__name__", type(owner).__name__)
        raise CompatError(
            f"mergekit {version('mergekit')} has no {where}.{name}, which this package"
            f" needs; it was made for {SUPPORTED}."
        ) from None


def part(name: str) -> ModuleType:
    """Return a module of mergekit's.

    Raises:
        CompatError: If it is not there.
    """
    check_mergekit()
    try:
        return importlib.import_module(f"mergekit.{name}")
    except ModuleNotFoundError as error:
        raise CompatError(
            f"mergekit {version('mergekit')} has no module {name}, which this package"
            f" needs; it was made for {SUPPORTED}."
        ) from error


def known_keys() -> dict[str, set[str]]:
    """Return the keys that mergekit reads in each part of a recipe."""
    config = part("config")
    names = {
        "recipe": "MergeConfiguration",
        "model": "InputModelDefinition",
        "slice": "OutputSliceDefinition",
        "source": "InputSliceDefinition",
        "module": "OutputModuleDefinition",
    }
    return {
        kind: set(attribute(attribute(config, name), "model_fields"))
        for kind, name in names.items()
    }


@contextmanager
def lent(owner: Any, name: str, stand_in: Callable[[Any], Any]) -> Iterator[None]:
    """Have something of ours in the place of a host's attribute.

    The first who needs it puts it there, the last who does puts the original back:
    bodies may be nested, and overlap in several threads, in any order. One stand-in
    serves all of them, so what belongs to one of them it must not hold itself.

    Args:
        owner: A module or a class of the host's.
        name: The attribute.
        stand_in: Given the original, returns what takes its place.
    """
    with _LENDING:
        original, users = _LENT.get((owner, name), (None, 0))
        if not users:
            original = getattr(owner, name)
            setattr(owner, name, stand_in(original))
        _LENT[owner, name] = original, users + 1
    try:
        yield
    finally:
        with _LENDING:
            original, users = _LENT.pop((owner, name))
            if users > 1:
                _LENT[owner, name] = original, users - 1
            else:
                setattr(owner, name, original)
