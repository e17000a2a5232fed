"""What is wrong with a recipe file, in one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.recipes.recipe_file import check_recipe_file, without_traceback


class Schema(BaseModel):
    a: int | list[int]
    b: int
    c: int
    d: int


def test_each_place_is_named_once_and_few_are(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("a: x")
    with pytest.raises(RecipeError) as caught:
        check_recipe_file(str(path), Schema.model_validate)
    text = str(caught.value)
    assert text.startswith(f"Recipe {path}: a.int: Input should be a valid integer")
    assert text.endswith("and 2 more.")
    assert "\n" not in text


def test_a_recipe_that_fits_passes(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("{a: 1, b: 2, c: 3, d: 4}")
    check_recipe_file(str(path), Schema.model_validate)


def _accept(raw: Any) -> None:
    return None


def test_merge_errors_become_messages_and_others_pass(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("{a: 1}")
    errors: dict[type[Exception], type[Exception]] = {
        InputError: click.ClickException,
        ZeroDivisionError: ZeroDivisionError,
        RuntimeError: RuntimeError,
    }
    for raised, seen in errors.items():

        def callback(config_file: str, error: type[Exception] = raised) -> None:
            raise error("why")

        with pytest.raises(seen, match="why"):
            without_traceback(callback, _accept)(config_file=str(path))


def test_arguments_and_result_are_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("{a: 1}")

    def callback(config_file: str, out_path: str) -> tuple[str, str]:
        return config_file, out_path

    wrapped = without_traceback(callback, _accept)
    assert wrapped(config_file=str(path), out_path="out") == (str(path), "out")
    assert wrapped.__name__ == "callback"
