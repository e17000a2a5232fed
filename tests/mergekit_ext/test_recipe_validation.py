from __future__ import annotations

import pytest

from mergekit_ext.errors import RecipeError
from mergekit_ext.merge_file import validate_recipe


STOCK = """
merge_method: linear
models:
  - {model: a, parameters: {weight: 1}}
  - {model: b, parameters: {weight: 1}}
"""
OURS = """
merge_method: fused_breadcrumbs
base_model: base
models:
  - {model: a, parameters: {weight: 1, density: 0.5}}
"""


@pytest.mark.parametrize("text", [STOCK, OURS])
def test_a_recipe_passes(text: str) -> None:
    validate_recipe(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not YAML"),
        ("[]", "MergeConfiguration"),
        ("merge_method: linear", "must be present"),
        (STOCK.replace("linear", "linaer"), "Did you mean linear"),
        (OURS.replace("0.5", "1.5"), "density must be"),
        (OURS.replace("density", "densitty"), "densitty"),
        (OURS.replace("weight: 1, ", ""), "has no weight"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(RecipeError, match=why):
        validate_recipe(text)
