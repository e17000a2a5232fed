"""What a recipe for layer swapping needs beyond any other: roles, zones, parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mergekit_ext.errors import RecipeError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.layer_zones import layer_of, stack_of, zones
from mergekit_ext.methods.name_parts import check_part
from mergekit_ext.recipes.recipe import Recipe, Scope
from mergekit_ext.recipes.recipe_reader import read_recipe


_ROLES = ("language", "task")
_LISTS = {one.name for one in LAYER_SWAP.parameters if one.several}
_COUNTS = ("num_hidden_layers", "n_layer", "num_layers")


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
    if part.base is None and _values(recipe)["revert"]:
        raise RecipeError(
            f"{_where(recipe)}: revert takes the base model's tensors, and the recipe"
            " has no base model; set base_model, or leave revert out."
        )


def check_swap_models(
    recipe: Recipe, checkpoints: Sequence[Checkpoint], names: Sequence[str]
) -> None:
    """Check the zones and the parts to revert against the models.

    Args:
        recipe: A recipe that has passed ``check_swap_recipe``; others pass.
        checkpoints: Its models.
        names: The tensors that mergekit will hand over.

    Raises:
        RecipeError: If the zones need more layers than there are, the models are no one
            stack of layers, or nothing has a name that is to be reverted.
    """
    if recipe.method != LAYER_SWAP.name:
        return
    values, where = _values(recipe), _where(recipe)
    _check_stack(names)
    layers = _layers(recipe, checkpoints)
    found = zones(layers, values["bottom"], values["top"], values["transition"])
    for name in names:
        if (layer := layer_of(name)) is not None:
            found.of(layer)
    for one in values["revert"] if names else ():
        check_part(one, names, f"{where}: revert")


def for_mergekit(config: Any, checkpoints: Sequence[Checkpoint]) -> Any:
    """Write into a recipe for ``layer_swap`` what mergekit is to hand to the method.

    mergekit takes a list for a gradient over the layers, and shows a method one tensor
    at a time, which does not tell how many layers there are.

    Args:
        config: The ``MergeConfiguration``; it is not changed.
        checkpoints: The models.

    Returns:
        A copy; that of another method is returned as it is.
    """
    if config.merge_method != LAYER_SWAP.name:
        return config
    recipe = read_recipe(config)
    written = {
        "layers": _layers(recipe, checkpoints),
        "revert": ",".join(_values(recipe)["revert"]),
    }
    parameters = {**(config.parameters or {}), **written}
    return config.model_copy(update={"parameters": parameters})


def _values(recipe: Recipe) -> Mapping[str, Any]:
    (scope,) = recipe.slices[0].scopes
    return {
        one.name: one.check(scope.values.get(one.name, one.default), scope.where)
        for one in LAYER_SWAP.parameters
        if not one.per_model
    }


def _where(recipe: Recipe) -> str:
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


def _check_stack(names: Sequence[str]) -> None:
    stacks = {stack: name for name in names if (stack := stack_of(name)) is not None}
    if len(stacks) > 1:
        raise RecipeError(
            f"{LAYER_SWAP.name} knows the bottom and the top of one stack of layers;"
            f" these models have {len(stacks)}: {', '.join(sorted(stacks.values()))}."
        )


def _layers(recipe: Recipe, checkpoints: Sequence[Checkpoint]) -> int:
    given = int(_values(recipe)["layers"])
    counts = {one.model: _count(one) for one in checkpoints}
    for model, count in counts.items():
        if given and given != count:
            raise RecipeError(
                f"{_where(recipe)}: layers is {given}, but {model!r} has {count}; leave"
                " it out."
            )
    found = max(counts.values(), default=given)
    if not found:
        raise RecipeError(
            f"{LAYER_SWAP.name} needs the number of layers, and no model is here to"
            " tell it; fetch the models first, or set layers under parameters."
        )
    return found


def _count(checkpoint: Checkpoint) -> int:
    for key in _COUNTS:
        if isinstance(count := checkpoint.text_config.get(key), int):
            return count
    found = (layer_of(name) for name in checkpoint.tensors)
    return max((layer + 1 for layer in found if layer is not None), default=0)
