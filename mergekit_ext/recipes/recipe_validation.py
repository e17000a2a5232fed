"""Whether a recipe is one, told from its text alone."""

from __future__ import annotations

from typing import Any

import yaml
from mergekit.config import MergeConfiguration
from pydantic import ValidationError

from mergekit_ext.checked_merge import parameters_of
from mergekit_ext.errors import RecipeError
from mergekit_ext.recipes.recipe_checks import check_coverage, check_recipe
from mergekit_ext.recipes.recipe_reader import read_recipe


def validate_recipe(text: str) -> None:
    """Check a recipe as far as can be done without its models.

    Args:
        text: YAML.

    Raises:
        RecipeError: If mergekit's configuration does not take it, there is no such
            method, or it is one of ours and a parameter is not what it must be.
    """
    config = _config(text)
    if (parameters := parameters_of(config.merge_method)) is None:
        return
    recipe = read_recipe(config)
    check_recipe(recipe, parameters)
    check_coverage(recipe, parameters, [""])


def _config(text: str) -> Any:
    try:
        return MergeConfiguration.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise RecipeError(f"This is not YAML: {error}") from error
    except ValidationError as error:
        raise RecipeError(str(error)) from error
    except RuntimeError as error:  # what mergekit's own validators raise
        raise RecipeError(str(error)) from error
