"""Keys of a recipe that mergekit would drop without a word."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from mergekit_ext.errors import RecipeError


# key -> what the entries of its list, or the values of its mapping, are
_NESTED = {
    "models": "model",
    "slices": "slice",
    "sources": "source",
    "modules": "module",
}


def check_keys(
    raw: Any, known: Mapping[str, Collection[str]], parameters: Collection[str]
) -> None:
    """Refuse a key that looks like a slip of the pen.

    mergekit ignores keys that it does not know, so that ``wieght:`` or a ``weight:``
    outside ``parameters:`` changes the result unnoticed. Others, such as ``name:`` or
    the anchors of a YAML file, are let through.

    Args:
        raw: The recipe as YAML gives it.
        known: The keys of a ``recipe``, ``model``, ``slice``, ``source``, ``module``.
        parameters: The names of the method's parameters.

    Raises:
        RecipeError: At the first such key.
    """
    _check(raw, "recipe", "the recipe", known, parameters)


def _check(
    raw: Any,
    kind: str,
    where: str,
    known: Mapping[str, Collection[str]],
    parameters: Collection[str],
) -> None:
    if not isinstance(raw, Mapping):
        return
    for key, value in raw.items():
        if key in known[kind]:
            _descend(key, value, where, known, parameters)
        elif key in parameters:
            raise RecipeError(
                f"{where}: {key!r} would be ignored here; write it under 'parameters:'."
            )
        elif near := difflib.get_close_matches(str(key), known[kind], n=1, cutoff=0.75):
            raise RecipeError(
                f"{where}: mergekit would ignore {key!r}. Did you mean {near[0]!r}?"
            )


def _descend(
    key: str,
    value: Any,
    where: str,
    known: Mapping[str, Collection[str]],
    parameters: Collection[str],
) -> None:
    kind = _NESTED.get(key)
    if kind is None:
        return
    place = key if where == "the recipe" else f"{where}.{key}"
    if isinstance(value, Mapping):
        for name, entry in value.items():
            _check(entry, kind, f"{place}.{name}", known, parameters)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _check(entry, kind, f"{place}[{index}]", known, parameters)
