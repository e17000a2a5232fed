"""What a method asks of a recipe's models."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mergekit_ext.errors import RecipeError
from mergekit_ext.merge_file import validate_recipe


TABLE = "recipe_checks"


def made_of(case: dict[str, Any]) -> str:
    each = case.get("each", {})
    written = {
        "merge_method": case["method"],
        "models": [{"model": one, "parameters": dict(each)} for one in case["models"]],
        "parameters": case.get("parameters", {}),
    }
    if "base" in case:
        written["base_model"] = case["base"]
    return yaml.safe_dump(written)


def test_recipes(case: dict[str, Any]) -> None:
    if "message" not in case:
        validate_recipe(made_of(case))
        return
    with pytest.raises(RecipeError) as error:
        validate_recipe(made_of(case))
    assert case["message"] in str(error.value)
