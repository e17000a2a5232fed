"""What is wrong with a recipe file, told from its text: one message, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from traceback import walk_tb
from typing import Any

import yaml
from pydantic import ValidationError

from mergekit_ext.errors import RecipeError, word_stop


_SHOWN = 3
# where pydantic validates, and where mergekit-multi reads
_READERS = {"model_validate", "load_config", "make_tasks"}
# key -> what the entries of its list, or the values of its mapping, are
_NESTED = {
    "models": "model",
    "slices": "slice",
    "sources": "source",
    "modules": "module",
}


def parse_recipe(text: str, validate: Callable[[Any], Any], path: str) -> Any:
    """Parse the text of a recipe file.

    Args:
        text: YAML.
        validate: Builds mergekit's configuration from what YAML gives.
        path: Where it was, for messages.

    Returns:
        What ``validate`` returns.

    Raises:
        RecipeError: If it is not YAML, or not what mergekit's schema wants.
    """
    try:
        return validate(yaml.safe_load(text))
    except Exception as error:
        if (found := word_fault(error, path)) is None:
            raise
        raise RecipeError(found) from error


def read_text(path: str) -> str:
    """Return a recipe file's text.

    Raises:
        RecipeError: If it is missing or not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(word_fault(error, path)) from error


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
    _check_mapping(raw, "recipe", "the recipe", known, parameters)


def word_fault(error: Exception, path: str | None) -> str | None:
    """Word what is wrong with a recipe file, told from what reading it has raised.

    And what has stopped a merge that was guarded.

    Args:
        error: What was raised, by mergekit's own reading or by ours.
        path: The file; ``None`` where there is none.

    Returns:
        One sentence; ``None`` if the fault lies elsewhere.
    """
    frames = [frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)]
    # mergekit's own, within our guard: a program is given the error as it is
    if "_checked_merge" in frames:
        within = frames[frames.index("_checked_merge") :]
        return word_stop("mergekit", error) if "run_merge" in within else None
    # a traceback of a merge is no matter of its recipe's form
    if path is None or "run_merge" in frames:
        return None
    if isinstance(error, FileNotFoundError) and error.filename == path:
        return f"There is no recipe file {path}."
    if isinstance(error, OSError):
        reason = f"Recipe {path} cannot be read: {error.strerror}."
        return reason if error.filename == path else None
    if isinstance(error, UnicodeDecodeError):
        return f"Recipe {path} is not UTF-8 text: {error}."
    if getattr(error, "problem", None) == "but found another document":
        return (
            f"Recipe {path} holds several recipes, and this takes one; mergekit's"
            f" command for several is mergekit-multi {path}"
        )
    if isinstance(error, yaml.YAMLError):
        return f"Recipe {path} is not YAML{_place(error)}"
    if isinstance(error, ValidationError):
        if error.title == "MergeOptions":
            return None
        return f"Recipe {path}{_word(error)}"
    # mergekit's own validators, and its reading of several documents
    if isinstance(error, (RuntimeError, ValueError)) and _READERS.intersection(frames):
        return f"Recipe {path}: {error}"
    if isinstance(error, (TypeError, AttributeError)) and "load_config" in frames:
        return f"Recipe {path} holds a document that is no mapping of keys."
    return None


def _place(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return f": {error}"
    mark = error.problem_mark or error.context_mark
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{place}: {error.problem or error.context}."


def _word(error: ValidationError) -> str:
    """Word each place that is wrong once; unions report every one of their branches."""
    first = error.errors()[0]
    if not (first["loc"] or isinstance(found := first["input"], dict)):
        kind = "is empty" if found is None else f"holds a {type(found).__name__}"
        return f" {kind}; it must be a mapping of keys."
    places: dict[str, str] = {}
    for entry in error.errors():
        key = ".".join(str(part) for part in entry["loc"][:3])
        places.setdefault(key or "the recipe", entry["msg"])
    shown = [f"{key}: {message}" for key, message in list(places.items())[:_SHOWN]]
    if len(places) > _SHOWN:
        shown.append(f"and {len(places) - _SHOWN} more")
    return ": " + "; ".join(shown) + "."


def _check_mapping(
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
            _check_mapping(entry, kind, f"{place}.{name}", known, parameters)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _check_mapping(entry, kind, f"{place}[{index}]", known, parameters)
