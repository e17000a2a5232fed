"""Ask mergekit whether a recipe is one."""

from __future__ import annotations

from lm_eval_iberian.errors import DataError


def check_text(text: str) -> None:
    """Check a recipe with mergekit's configuration and, if ours, our own checks.

    Slow the first time: mergekit is imported.

    Raises:
        DataError: With what is wrong.
    """
    from mergekit_ext.errors import MergeError
    from mergekit_ext.recipes.recipe_validation import validate_recipe

    try:
        validate_recipe(text)
    except MergeError as error:
        raise DataError(f"The recipe does not hold: {error}") from error
