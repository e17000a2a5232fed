"""Methods that count layers are told how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mergekit.config import MergeConfiguration
from safetensors.torch import load_file

from mergekit_ext.errors import RecipeError
from mergekit_ext.merge_file import merge_file, validate_recipe
from mergekit_ext.plans.counted_layers import check_layers, for_mergekit
from mergekit_ext.recipes.recipe_reader import read_recipe
from mergekit_ext.watch import Watch


pytestmark = pytest.mark.usefixtures("attached")


def recipe(**changes: Any) -> dict[str, Any]:
    written = {
        "merge_method": "fused_lines",
        "base_model": "models/llama",
        "models": [
            {"model": "models/galician", "parameters": {"weight": 1}},
            {"model": "models/basque", "parameters": {"weight": 1}},
        ],
        "parameters": {"alpha": 0, "beta": 1},
    }
    return written | changes


def test_a_merge_counts_them(work: Path) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(recipe()), encoding="utf-8")
    merge_file("recipe.yml", "out", {}, Watch())
    found = load_file("out/model.safetensors")
    base, task, expert = (
        load_file(Path("models", name, "model.safetensors"))
        for name in ("llama", "galician", "basque")
    )
    for name, tensor in found.items():
        low = ".layers.0." in name or "embed_tokens" in name
        deltas = [one[name].float() - base[name].float() for one in (task, expert)]
        total = deltas[0] if low else deltas[0] + deltas[1]
        assert torch.equal(tensor, (base[name].float() + total).bfloat16()), name
    # what the user reads is what the user wrote
    assert "layers" not in Path("out/mergekit_config.yml").read_text("utf-8")


@pytest.mark.parametrize("kind", ["slices", "modules"])
def test_only_whole_models_are_counted(kind: str) -> None:
    written = recipe()
    models = written.pop("models")
    if kind == "modules":
        written["modules"] = {"default": {"models": models}}
    else:
        names = ["models/llama", *(one["model"] for one in models)]
        sources = [{"model": name, "layer_range": [0, 2]} for name in names]
        written["slices"] = [{"sources": sources}]
        written["parameters"]["weight"] = 1
    with pytest.raises(RecipeError, match="fused_lines counts the layers of whole mod"):
        validate_recipe(yaml.safe_dump(written))


def test_models_of_two_stacks_are_refused() -> None:
    plain = read_recipe(MergeConfiguration.model_validate(recipe()))
    names = ["model.layers.1.mlp.weight", "vision.blocks.0.weight"]
    with pytest.raises(RecipeError, match="fused_lines knows the bottom and the top"):
        check_layers(plain, [], names)


def test_without_any_model_the_number_is_needed() -> None:
    config = MergeConfiguration.model_validate(recipe())
    with pytest.raises(RecipeError, match="fused_lines needs the number of layers"):
        for_mergekit(config, [])
    told = MergeConfiguration.model_validate(recipe(parameters={"layers": 4}))
    assert for_mergekit(told, []).parameters == {"layers": 4}
