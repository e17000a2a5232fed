"""What layer swapping needs of the models: one stack of layers, and its zones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mergekit_ext.errors import RecipeError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.layer_zones import layer_of, stack_of, zones
from mergekit_ext.methods.name_parts import check_part
from mergekit_ext.recipes.layer_swap_recipe import swap_place, swap_values
from mergekit_ext.recipes.recipe import Recipe
from mergekit_ext.recipes.recipe_reader import read_recipe


_COUNTS = ("num_hidden_layers", "n_layer", "num_layers")


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
    values, where = swap_values(recipe), swap_place(recipe)
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
        "revert": ",".join(swap_values(recipe)["revert"]),
    }
    parameters = {**(config.parameters or {}), **written}
    return config.model_copy(update={"parameters": parameters})


def _check_stack(names: Sequence[str]) -> None:
    stacks = {stack: name for name in names if (stack := stack_of(name)) is not None}
    if len(stacks) > 1:
        raise RecipeError(
            f"{LAYER_SWAP.name} knows the bottom and the top of one stack of layers;"
            f" these models have {len(stacks)}: {', '.join(sorted(stacks.values()))}."
        )


def _layers(recipe: Recipe, checkpoints: Sequence[Checkpoint]) -> int:
    given = int(swap_values(recipe)["layers"])
    counts = {one.model: _count(one) for one in checkpoints}
    for model, count in counts.items():
        if given and given != count:
            raise RecipeError(
                f"{swap_place(recipe)}: layers is {given}, but {model!r} has {count};"
                " leave it out."
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
