"""Where mergekit is entered: what it has, or a sentence on what has moved."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from packaging.version import Version

from mergekit_ext.errors import CompatError


FIRST, NEXT = "0.1.5", "0.2"
SUPPORTED = f"{FIRST} or later, before {NEXT}"


def check_mergekit() -> None:
    """Check that the installed mergekit is a supported release.

    Raises:
        CompatError: If it is another, or there is none.
    """
    try:
        found = version("mergekit")
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
