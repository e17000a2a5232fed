"""How many layers the models have, for methods that must know where a tensor is.

mergekit shows a method one tensor at a time, which does not tell how many layers there
are. So they are counted before, and written into the recipe that mergekit gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mergekit_ext.errors import RecipeError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.methods.layer_zones import layer_of, stack_of
from mergekit_ext.recipes.recipe import Recipe
from mergekit_ext.recipes.recipe_checks import counts_layers, lists_of_names
from mergekit_ext.recipes.recipe_reader import read_recipe


_COUNTS = ("num_hidden_layers", "n_layer", "num_layers")


def check_layers(
    recipe: Recipe, checkpoints: Sequence[Checkpoint], names: Sequence[str]
) -> None:
    """Check that models have one stack of layers, as many as the recipe may say.

    Args:
        recipe: A recipe that has passed ``check_recipe``; those of methods that count
            no layers pass.
        checkpoints: Its models.
        names: The tensors that mergekit will hand over.

    Raises:
        RecipeError: If they have several stacks, or another number of layers.
    """
    if not counts_layers(recipe):
        return
    stacks = {stack: name for name in names if (stack := stack_of(name)) is not None}
    if len(stacks) > 1:
        raise RecipeError(
            f"{recipe.method} knows the bottom and the top of one stack of layers;"
            f" these models have {len(stacks)}: {', '.join(sorted(stacks.values()))}."
        )
    counted_layers(recipe, checkpoints)


def for_mergekit(config: Any, checkpoints: Sequence[Checkpoint]) -> Any:
    """Write into a recipe what mergekit is to hand to a method that counts layers.

    mergekit takes a list for a gradient over the layers: a list of names is joined.

    Args:
        config: The ``MergeConfiguration``; it is not changed.
        checkpoints: The models.

    Returns:
        A copy; that of a method that counts no layers is returned as it is.
    """
    recipe = read_recipe(config)
    if not counts_layers(recipe):
        return config
    (scope,) = recipe.slices[0].scopes
    joined = {
        one.name: ",".join(
            one.check(scope.values.get(one.name, one.default), scope.where)
        )
        for one in lists_of_names(recipe)
    }
    layers = {"layers": counted_layers(recipe, checkpoints)}
    parameters = {**(config.parameters or {}), **layers, **joined}
    return config.model_copy(update={"parameters": parameters})


def counted_layers(recipe: Recipe, checkpoints: Sequence[Checkpoint]) -> int:
    """Return how many layers the models of a recipe have.

    Raises:
        RecipeError: If the recipe says something else, or no model is here to tell.
    """
    (scope,) = recipe.slices[0].scopes
    given = int(scope.values.get("layers", 0))
    counts = {one.model: _count(one) for one in checkpoints}
    for model, count in counts.items():
        if given and given != count:
            raise RecipeError(
                f"{scope.where}: layers is {given}, but {model!r} has {count};"
                " leave it out."
            )
    found = max(counts.values(), default=given)
    if not found:
        raise RecipeError(
            f"{recipe.method} needs the number of layers, and no model is here to"
            " tell it; fetch the models first, or set layers under parameters."
        )
    return found


def _count(checkpoint: Checkpoint) -> int:
    for key in _COUNTS:
        if isinstance(count := checkpoint.text_config.get(key), int):
            return count
    found = (layer_of(name) for name in checkpoint.tensors)
    return max((layer + 1 for layer in found if layer is not None), default=0)
