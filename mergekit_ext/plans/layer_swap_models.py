"""What layer swapping needs of the models: its zones, and parts to revert."""

from __future__ import annotations

from collections.abc import Sequence

from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.layer_zones import layer_of, zones
from mergekit_ext.methods.name_parts import check_part
from mergekit_ext.plans.counted_layers import counted_layers
from mergekit_ext.recipes.layer_swap_recipe import swap_place, swap_values
from mergekit_ext.recipes.recipe import Recipe


def check_swap_models(
    recipe: Recipe, checkpoints: Sequence[Checkpoint], names: Sequence[str]
) -> None:
    """Check the zones and the parts to revert against the models.

    Args:
        recipe: A recipe that has passed ``check_swap_recipe``; others pass.
        checkpoints: Its models.
        names: The tensors that mergekit will hand over.

    Raises:
        RecipeError: If the zones need more layers than there are, or nothing has a name
            that is to be reverted.
    """
    if recipe.method != LAYER_SWAP.name:
        return
    values, where = swap_values(recipe), swap_place(recipe)
    layers = counted_layers(recipe, checkpoints)
    found = zones(layers, values["bottom"], values["top"], values["transition"])
    for name in names:
        if (layer := layer_of(name)) is not None:
            found.of(layer)
    for one in values["revert"] if names else ():
        check_part(one, names, f"{where}: revert")
