"""One message, and no traceback, for what is wrong with a recipe file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from mergekit_ext.errors import MergeError, RecipeError


_SHOWN = 3


def without_traceback(
    callback: Callable[..., Any], validate: Callable[[Any], Any]
) -> Callable[..., Any]:
    """Wrap a command so that a ``MergeError`` or a faulty recipe is one message.

    Any other exception passes unchanged.

    Args:
        callback: A click callback that takes ``config_file``.
        validate: Builds mergekit's configuration from what YAML gives.
    """

    @functools.wraps(callback)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            check_recipe_file(kwargs["config_file"], validate)
            return callback(*args, **kwargs)
        except MergeError as error:
            raise click.ClickException(str(error)) from error

    return wrapper


def check_recipe_file(path: str, validate: Callable[[Any], Any]) -> Any:
    """Read a recipe as mergekit is about to.

    Returns:
        What ``validate`` returns.

    Raises:
        RecipeError: If it is missing, not YAML, or not what mergekit's schema wants;
            naming the file and, for YAML, line and column.
    """
    return parse_recipe(read_text(path), validate, path)


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
    raw = _load(path, text)
    if not isinstance(raw, dict):
        found = "is empty" if raw is None else f"holds a {type(raw).__name__}"
        raise RecipeError(f"Recipe {path} {found}; it must be a mapping of keys.")
    try:
        return validate(raw)
    except ValidationError as error:
        raise RecipeError(f"Recipe {path}: {_word(error)}") from error
    except RuntimeError as error:  # what mergekit's own validators raise
        raise RecipeError(f"Recipe {path}: {error}") from error


def read_text(path: str) -> str:
    """Return a recipe file's text.

    Raises:
        RecipeError: If it is missing or not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"There is no recipe file {path}.") from None
    except OSError as error:
        raise RecipeError(f"Recipe {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"Recipe {path} is not UTF-8 text: {error}.") from error


def _load(path: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.composer.ComposerError as error:
        starts = (isinstance(one, yaml.DocumentStartEvent) for one in yaml.parse(text))
        raise RecipeError(
            f"Recipe {path} holds {sum(starts)} recipes, and this takes one; mergekit's"
            f" command for several is mergekit-multi {path}"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise RecipeError(f"Recipe {path} is not YAML{_place(error)}") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"Recipe {path} is not YAML: {error}") from error


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{place}: {error.problem or error.context}."


def _word(error: ValidationError) -> str:
    """Word each place that is wrong once; unions report every one of their branches."""
    places: dict[str, str] = {}
    for entry in error.errors():
        key = ".".join(str(part) for part in entry["loc"][:3])
        places.setdefault(key or "the recipe", entry["msg"])
    shown = [f"{key}: {message}" for key, message in list(places.items())[:_SHOWN]]
    if len(places) > _SHOWN:
        shown.append(f"and {len(places) - _SHOWN} more")
    return "; ".join(shown) + "."
