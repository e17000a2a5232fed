"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from mergekit.config import MergeConfiguration

from mergekit_ext.methods.method_catalogue import METHODS as CATALOGUE
from mergekit_ext.methods.parameters import REQUIRED, Parameter
from mergekit_ext.recipes.recipe_checks import check_coverage, check_recipe
from mergekit_ext.recipes.recipe_reader import read_recipe


METHODS = {method.name: method.parameters for method in CATALOGUE}


@pytest.fixture
def sections(root: Path) -> dict[str, str]:
    text = (root / "docs" / "merge_methods.md").read_text(encoding="utf-8")
    return {name: text.split(f"## `{name}`")[1].split("\n## ")[0] for name in METHODS}


def row(parameter: Parameter) -> str:
    scope = "each model" if parameter.per_model else "the merge"
    default = str(parameter.default)
    if parameter.default is REQUIRED:
        default = "required"
    elif isinstance(parameter.default, bool):
        default = default.lower()
    return f"| `{parameter.name}` | {scope} | {default} | {parameter.must}"


@pytest.mark.parametrize("name", METHODS)
def test_the_tables_list_every_parameter(name: str, sections: dict[str, str]) -> None:
    rows = re.findall(r"^\| `.*", sections[name], re.MULTILINE)
    assert len(rows) == len(METHODS[name])
    for parameter, written in zip(METHODS[name], rows, strict=True):
        assert written.startswith(row(parameter))


@pytest.mark.parametrize("name", METHODS)
def test_the_recipes_pass_the_checks(name: str, sections: dict[str, str]) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", sections[name], re.DOTALL)
    recipe = read_recipe(MergeConfiguration.model_validate(yaml.safe_load(text)))
    assert recipe.method == name
    check_recipe(recipe, METHODS[name])
    check_coverage(recipe, METHODS[name], ["model.embed_tokens.weight"])
