"""What a recipe for layer swapping needs beyond any other: roles, one value each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.recipes.recipe import Recipe, Scope


_ROLES = ("language", "task")
_LISTS = {one.name for one in LAYER_SWAP.parameters if one.several}


def check_swap_recipe(recipe: Recipe) -> None:
    """Check what can be told of a recipe for ``layer_swap`` without its models.

    Recipes of other methods pass. The values themselves have been checked.

    Raises:
        RecipeError: If it merges slices, a parameter is a gradient or depends on the
            tensor, the roles are not one task and one language, or there is no base
            model to revert to.
    """
    if recipe.method != LAYER_SWAP.name:
        return
    if [part.where for part in recipe.slices] != ["models"]:
        raise RecipeError(
            f"{LAYER_SWAP.name} merges whole models, of which it takes the layers"
            " itself; list both under 'models:', without slices or modules."
        )
    (part,) = recipe.slices
    for scope in (*part.scopes, *(source.scope for source in part.sources)):
        _check_single(scope)
    _check_roles(recipe)
    if part.base is None and swap_values(recipe)["revert"]:
        raise RecipeError(
            f"{swap_place(recipe)}: revert takes the base model's tensors, and the"
            " recipe has no base model; set base_model, or leave revert out."
        )


def swap_values(recipe: Recipe) -> Mapping[str, Any]:
    """Return what a recipe for ``layer_swap`` sets, defaults included."""
    (scope,) = recipe.slices[0].scopes
    return {
        one.name: one.check(scope.values.get(one.name, one.default), scope.where)
        for one in LAYER_SWAP.parameters
        if not one.per_model
    }


def swap_place(recipe: Recipe) -> str:
    """Return where a recipe for ``layer_swap`` sets it, for an error's text."""
    return recipe.slices[0].scopes[0].where


def _check_single(scope: Scope) -> None:
    for name, setting in scope.values.items():
        plain = not isinstance(setting, (list, tuple)) and not hasattr(setting, "value")
        names = name in _LISTS and isinstance(setting, (list, tuple))
        if not plain and not (names and all(isinstance(one, str) for one in setting)):
            raise RecipeError(
                f"{scope.where}: {name} must be one value for all tensors in"
                f" {LAYER_SWAP.name}; a gradient or a filter makes no sense of it."
            )


def _check_roles(recipe: Recipe) -> None:
    roles = {}
    (part,) = recipe.slices
    for source in part.experts():
        scopes = (source.scope, *part.scopes)
        given = [one.values["role"] for one in scopes if "role" in one.values]
        roles[source.model.name] = given[0] if given else "no role"
    if sorted(roles.values()) != list(_ROLES):
        found = ", ".join(f"{role} for {name!r}" for name, role in roles.items())
        raise RecipeError(
            f"{part.where}: {LAYER_SWAP.name} merges one model with the role task and"
            f" one with the role language beside the base; found {found}. Set role"
            " under the parameters of each."
        )
