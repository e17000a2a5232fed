"""The models of a configuration in the order of the recipe.

mergekit keeps them in a set, and takes the result's configuration and tokenizer from
the first where there is no base model: from another one in every process.
"""

from __future__ import annotations

from typing import Any

from mergekit_ext.recipes.recipe_reader import read_recipe


def in_recipe_order(config: Any) -> Any:
    """Copy a configuration so that ``referenced_models`` follows the recipe.

    Args:
        config: A ``MergeConfiguration``.

    Returns:
        The same, with the base model first and the others as they are listed.
    """
    kind = type(config)
    places = {one.name: place for place, one in enumerate(read_recipe(config).models)}

    def referenced_models(self: Any) -> list[Any]:
        return sorted(kind.referenced_models(self), key=lambda m: places[str(m)])

    ordered = type(kind.__name__, (kind,), {"referenced_models": referenced_models})
    return ordered.model_construct(config.model_fields_set, **dict(config))  # type: ignore[attr-defined]
