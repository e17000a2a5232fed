"""What is wrong with a recipe file, in one message."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from mergekit_ext.errors import RecipeError
from mergekit_ext.recipes.recipe_file import parse_recipe, word_fault


class Schema(BaseModel):
    a: int | list[int]
    b: int
    c: int
    d: int


def test_each_place_is_named_once_and_few_are() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe("a: x", Schema.model_validate, "r.yml")
    text = str(caught.value)
    assert text.startswith("Recipe r.yml: a.int: Input should be a valid integer")
    assert text.endswith("and 2 more.")
    assert "\n" not in text


def test_a_recipe_that_fits_passes() -> None:
    found = parse_recipe("{a: 1, b: 2, c: 3, d: 4}", Schema.model_validate, "r.yml")
    assert found == Schema(a=1, b=2, c=3, d=4)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("cannot set number of threads"),
        FileNotFoundError(2, "No such file", "elsewhere.yml"),
        TypeError("a bug"),
    ],
)
def test_a_fault_elsewhere_is_left_as_it_is(error: Exception) -> None:
    assert word_fault(error, "r.yml") is None


def test_a_fault_within_a_merge_is_left_as_it_is(tmp_path: Path) -> None:
    def run_merge() -> None:
        yaml.safe_load("a: [")

    with pytest.raises(yaml.YAMLError) as caught:
        run_merge()
    assert word_fault(caught.value, "r.yml") is None
    assert word_fault(caught.value.with_traceback(None), "r.yml") is not None
