"""Which model comes first does not depend on the process."""

from __future__ import annotations

from typing import Any

from mergekit.config import MergeConfiguration

from mergekit_ext.recipes.recipe_reader import in_recipe_order


NAMES = [f"org/model-{index * 7 % 20}" for index in range(20)]


def ordered(**more: Any) -> Any:
    listed = [{"model": name, "parameters": {"weight": 1}} for name in NAMES]
    written = {"merge_method": "linear", "models": listed} | more
    return in_recipe_order(MergeConfiguration.model_validate(written))


def test_models_come_as_they_are_listed() -> None:
    config = ordered()
    assert isinstance(config, MergeConfiguration)
    assert [str(model) for model in config.referenced_models()] == NAMES
    config = ordered(base_model="org/base")
    names = [str(model) for model in config.referenced_models()]
    assert names == ["org/base", *NAMES]


def test_nothing_else_changes() -> None:
    config = ordered(dtype="bfloat16", tokenizer_source="union")
    original = MergeConfiguration.model_validate(config.model_dump())
    assert config.to_yaml() == original.to_yaml()
    assert config.tokenizer_source == "union"
