"""Other weights for a recipe's models."""

from __future__ import annotations

from typing import Any

import pytest
from mergekit.config import MergeConfiguration

from mergekit_ext.errors import RecipeError
from mergekit_ext.recipes.weight_override import read_weights, with_weights


READ = [
    ("instruct:1+expert-eu:0.5", {"instruct": 1.0, "expert-eu": 0.5}),
    ("instruct:1,expert-eu:0.5", {"instruct": 1.0, "expert-eu": 0.5}),
    (" a:-1e-1 + c:/models/b:2 ", {"a": -0.1, "c:/models/b": 2.0}),
]


@pytest.mark.parametrize(("text", "wanted"), READ)
def test_what_is_read(text: str, wanted: dict[str, float]) -> None:
    assert read_weights(text) == wanted


@pytest.mark.parametrize("text", ["", "a", "a:", ":1", "a:b", "a:nan", "a:inf", "a:1+"])
def test_what_is_no_list_of_weights(text: str) -> None:
    with pytest.raises(RecipeError, match="no model with a finite number"):
        read_weights(text)


def test_a_name_that_is_there_twice() -> None:
    with pytest.raises(RecipeError, match="'a' is there twice"):
        read_weights("a:1+a:2")


def config(**changes: Any) -> Any:
    written = {
        "merge_method": "task_arithmetic",
        "base_model": "x/base",
        "models": [
            {"model": "x/instruct", "parameters": {"weight": 1, "density": 0.5}},
            {"model": "x/expert", "parameters": {"weight": [0, 1]}},
            {"model": "y/expert"},
        ],
        "parameters": {"weight": 0.1},
    }
    return MergeConfiguration.model_validate(written | changes)


def weights(found: Any) -> list[Any]:
    return [(one.parameters or {}).get("weight") for one in found.models]


def test_models_are_named_by_their_folders() -> None:
    written = config()
    found = with_weights(
        written, {"instruct": 0.25, "y/expert": 2}, {"weight", "density"}
    )
    assert weights(found) == [0.25, [0, 1], 2.0]
    assert found.models[0].parameters["density"] == 0.5
    assert weights(written) == [1, [0, 1], None]
    assert with_weights(written, {}, {"weight"}) is written


def test_slices_and_modules() -> None:
    parts = [
        {"sources": [
            {"model": "x/instruct", "layer_range": [0, 1]},
            {"model": "x/expert", "layer_range": [0, 1]},
        ]}
    ]  # fmt: skip
    for changes in ({"slices": parts}, {"modules": {"text": {"slices": parts}}}):
        found = with_weights(
            config(models=None, **changes), {"expert": 0.5}, {"weight"}
        )
        owner = found.modules["text"] if found.modules else found
        given = [one.parameters for one in owner.slices[0].sources]
        assert given == [None, {"weight": 0.5}]


FAULTS = [
    ({"expert": 1}, {"weight"}, "'expert' may be x/expert or y/expert"),
    ({"instrukt": 1}, {"weight"}, "Did you mean instruct"),
    ({"base": 1}, {"weight"}, "Unknown model of the recipe 'base'"),
    ({"instruct": 1}, {"t"}, "task_arithmetic has no weights to set; its parameters"),
    ({"instruct": 1, "x/instruct": 2}, {"weight"}, "'x/instruct' is given twice"),
]


@pytest.mark.parametrize(("given", "known", "message"), FAULTS)
def test_what_is_refused(
    given: dict[str, float], known: set[str], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        with_weights(config(), given, known)


@pytest.mark.parametrize("where", ["model", "top"])
def test_a_part_gets_the_weight_too(where: str) -> None:
    written = config(merge_method="fused_lines", parameters={"weight": 0.1})
    owner = written.models[0] if where == "model" else written
    owner.parameters["weight_mlp"] = 3.0
    found = with_weights(written, {"instruct": 0.25}, {"weight", "weight_mlp"})
    assert found.models[0].parameters["weight_mlp"] == 0.25
    assert "weight_norms" not in found.models[0].parameters
    assert "weight_mlp" not in (found.models[1].parameters or {})
