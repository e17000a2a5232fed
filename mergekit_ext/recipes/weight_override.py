"""Other weights for a recipe's models, given by the names of their folders."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from mergekit_ext.errors import RecipeError, unknown_name
from mergekit_ext.methods.parameters import PART_WEIGHTS
from mergekit_ext.recipes.recipe_reader import read_recipe


KEY = "weight"


def read_weights(text: str) -> dict[str, float]:
    """Read ``instruct:1+expert-eu:0.5``.

    Plus signs stand between the entries, since lm-eval cuts its arguments at commas;
    where none is cut, commas do as well.

    Raises:
        RecipeError: If an entry is no name with a number, or a name is there twice.
    """
    found: dict[str, float] = {}
    for entry in text.replace(",", "+").split("+"):
        name, sign, number = entry.strip().rpartition(":")
        try:
            weight = float(number) if sign and name else math.nan
        except ValueError:
            weight = math.nan
        if not math.isfinite(weight):
            raise RecipeError(
                f"Weights {text!r}: {entry!r} is no model with a finite number; write"
                " weights=instruct:1+expert-eu:0.5"
            )
        if name in found:
            raise RecipeError(f"Weights {text!r}: {name!r} is there twice.")
        found[name] = weight
    return found


def with_weights(
    config: Any, weights: Mapping[str, float], known: Collection[str]
) -> Any:
    """Return a configuration in which models have other weights.

    Args:
        config: A ``MergeConfiguration``; it is not changed.
        weights: Model to weight, for every tensor, whatever part it is of. A model is
            named by its folder, by enough of its path to tell it from others, or as the
            recipe has it. Others keep what the recipe says.
        known: The parameters that the recipe's method has.

    Raises:
        RecipeError: If a name is of no model or of several, or the method has no
            weights.
    """
    if not weights:
        return config
    if KEY not in known:
        raise RecipeError(
            f"{config.merge_method} has no weights to set; its parameters are"
            f" {', '.join(sorted(known)) or 'none'}."
        )
    sources = {
        source.model.name
        for part in read_recipe(config).slices
        for source in part.sources
    }
    chosen: dict[str, float] = {}
    for name, weight in weights.items():
        model = _named(name, sources)
        if model in chosen:
            raise RecipeError(f"The weight of {model!r} is given twice.")
        chosen[model] = float(weight)
    # a part that has a weight of its own anywhere gets the one for every tensor
    own = {one.name for one in PART_WEIGHTS} & {
        name
        for part in read_recipe(config).slices
        for scope in (*part.scopes, *(source.scope for source in part.sources))
        for name in scope.values
    }
    set_to = {model: dict.fromkeys((KEY, *own), w) for model, w in chosen.items()}
    changed = {name: _changed(value, set_to) for name, value in config}
    return config.model_copy(update=changed)


def _named(name: str, models: Collection[str]) -> str:
    """Return the model that a name is of."""
    wanted = PurePosixPath(name).parts
    found = [
        model
        for model in models
        if name == model or PurePosixPath(model).parts[-len(wanted) :] == wanted
    ]
    if name in found:
        return name
    if len(found) > 1:
        raise RecipeError(
            f"Weights: {name!r} may be {' or '.join(sorted(found))}; write more of the"
            " path."
        )
    if not found:
        last = {PurePosixPath(model).name for model in models}
        raise RecipeError(f"Weights: {unknown_name('model of the recipe', name, last)}")
    return found[0]


def _changed(value: Any, chosen: Mapping[str, Mapping[str, float]]) -> Any:
    """Copy a part of a configuration, with the weights in what refers to a model."""
    if isinstance(value, (list, tuple)):
        return type(value)(_changed(entry, chosen) for entry in value)
    if isinstance(value, dict):
        return {key: _changed(entry, chosen) for key, entry in value.items()}
    fields = getattr(type(value), "model_fields", {})
    if {"model", "parameters"} <= fields.keys():
        weights = chosen.get(str(value.model))
        if weights is None:
            return value
        parameters = {**(value.parameters or {}), **weights}
        return value.model_copy(update={"parameters": parameters})
    if fields.keys() & {"models", "slices", "sources", "modules"}:
        return value.model_copy(update={k: _changed(v, chosen) for k, v in value})
    return value
