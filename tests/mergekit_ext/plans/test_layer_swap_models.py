"""``layer_swap`` in a recipe: what is refused, and what mergekit is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.config import MergeConfiguration
from mergekit.scripts import run_yaml
from safetensors.torch import load_file

from mergekit_ext.errors import RecipeError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.merge_file import validate_recipe
from mergekit_ext.plans.counted_layers import check_layers, for_mergekit
from mergekit_ext.plans.layer_swap_models import check_swap_models
from mergekit_ext.recipes.recipe_reader import read_recipe


pytestmark = pytest.mark.usefixtures("attached")


TABLE = "layer_swap"
HEADER: Any = None


def recipe(**changes: Any) -> dict[str, Any]:
    roles = {"models/basque": "language", "models/galician": "task"}
    written = {
        "merge_method": "layer_swap",
        "base_model": "models/llama",
        "models": [
            {"model": model, "parameters": {"role": role}}
            for model, role in roles.items()
        ],
    }
    return written | changes


def made_of(case: dict[str, Any]) -> dict[str, Any]:
    written = recipe(**case.get("recipe", {}))
    for entry, role in zip(written["models"], case.get("roles", []), strict=False):
        entry["parameters"] = {} if role is None else {"role": role}
    if "parameters" in case:
        written["parameters"] = case["parameters"]
    for key in case.get("drop", []):
        del written[key]
    return written


def run(written: dict[str, Any], *options: str) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet", *options])


def weights(name: str) -> dict[str, torch.Tensor]:
    return load_file(Path("models", name, "model.safetensors"))


def test_refused(case: dict[str, Any], work: Path) -> None:
    result = run(made_of(case))
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert case["message"] in result.output
    assert result.output.count("\n") == 1
    assert sorted(path.name for path in work.iterdir()) == ["models", "recipe.yml"]


def expected(name: str, whose: dict[str, str]) -> torch.Tensor:
    """What a tensor must be: the first part of its name that is a key says whose."""
    both = [weights(model)[name].float() for model in ("basque", "galician")]
    model = next(model for part, model in whose.items() if part in name)
    if model == "average":
        return ((both[0] + both[1]) / 2).bfloat16()
    return weights(model)[name]


def test_the_result_is_layers_of_one_and_the_other(work: Path) -> None:
    revert = ["self_attn.k_proj", "layers.1.mlp.up_*"]
    sizes = {"bottom": 0.5, "top": 0, "transition": 0, "embeddings": "average"}
    written = recipe(parameters={**sizes, "revert": revert})
    assert run(written).exit_code == 0
    merged = load_file("out/model.safetensors")
    whose = {
        "k_proj": "llama",
        "layers.1.mlp.up_proj": "llama",
        "layers.0.": "basque",
        "layers.1.": "galician",
        "": "average",
    }
    assert merged.keys() == weights("llama").keys()
    for name, tensor in merged.items():
        assert torch.equal(tensor, expected(name, whose)), name


def test_card_and_recipe_are_as_the_user_wrote_them(work: Path) -> None:
    written = recipe(parameters={"revert": ["lm_head", "layers.1"]})
    assert run(written).exit_code == 0
    shown = Path("out/mergekit_config.yml").read_text(encoding="utf-8")
    assert shown == Path("recipe.yml").read_text(encoding="utf-8")
    card = Path("out/README.md").read_text(encoding="utf-8")
    assert "- lm_head\n  - layers.1\n" in card
    assert "layers: 2" not in card


def test_by_default_two_layers_are_averaged_between_the_experts_embeddings(
    work: Path,
) -> None:
    written = recipe()
    del written["base_model"]
    assert run(written).exit_code == 0
    whose = {".layers.": "average", "": "basque"}
    for name, tensor in load_file("out/model.safetensors").items():
        assert torch.equal(tensor, expected(name, whose)), name


def test_the_dtype_is_the_one_asked_for(work: Path) -> None:
    written = recipe(dtype="float32", parameters={"transition": 0, "top": 1})
    assert run(written).exit_code == 0
    for tensor in load_file("out/model.safetensors").values():
        assert tensor.dtype == torch.float32


def test_names_may_be_one_string(work: Path) -> None:
    written = recipe(parameters={"revert": "layers, lm_head, norm, embed_tokens"})
    assert run(written).exit_code == 0
    merged = load_file("out/model.safetensors")
    for name, tensor in weights("llama").items():
        assert torch.equal(merged[name], tensor)


def test_models_of_two_stacks_are_refused() -> None:
    plain = read_recipe(MergeConfiguration.model_validate(recipe()))
    names = ["model.layers.1.mlp.weight", "vision.blocks.0.weight"]
    with pytest.raises(RecipeError, match=r"have 2: model\.layers\.1") as error:
        check_layers(plain, [], names)
    assert "vision.blocks.0.weight" in str(error.value)


def test_a_layer_beyond_those_of_the_config_is_refused() -> None:
    told = recipe(parameters={"transition": 0, "layers": 1})
    plain = read_recipe(MergeConfiguration.model_validate(told))
    with pytest.raises(RecipeError, match="a layer 1, counted from 0, but the models"):
        check_swap_models(plain, [], ["model.layers.1.mlp.weight"])


def test_what_is_not_here_and_cannot_be_fetched_is_an_error(work: Path) -> None:
    written = recipe(base_model="HiTZ/nowhere-at-all")
    result = run(written)
    assert result.exit_code == 1
    assert "not in the hub cache" in result.output


def test_without_any_model_the_number_of_layers_is_needed() -> None:
    plain = read_recipe(MergeConfiguration.model_validate(recipe()))
    with pytest.raises(RecipeError, match="no model is here to tell it"):
        check_swap_models(plain, [], [])
    told = MergeConfiguration.model_validate(recipe(parameters={"layers": 4}))
    check_swap_models(read_recipe(told), [], [])
    assert for_mergekit(told, []).parameters == {"layers": 4, "revert": ""}
    assert told.parameters == {"layers": 4}


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        ({}, 5),
        ({"num_hidden_layers": 7}, 7),
        ({"text_config": {"n_layer": 6}, "n_layer": 1}, 6),
    ],
)
def test_config_or_names_tell_the_number_of_layers(
    config: dict[str, Any], layers: int
) -> None:
    names = ["lm_head.weight", "model.layers.0.mlp.weight", "model.layers.4.mlp.weight"]
    one = Checkpoint("a", Path("a"), config, dict.fromkeys(names, HEADER))
    told = for_mergekit(MergeConfiguration.model_validate(recipe()), [one])
    assert told.parameters["layers"] == layers


def test_other_methods_are_left_alone() -> None:
    written = recipe(merge_method="fused_linear")
    config = MergeConfiguration.model_validate(written)
    check_swap_models(read_recipe(config), [], [])
    assert for_mergekit(config, []) is config


def test_a_module_is_no_whole_model() -> None:
    written = recipe()
    written["modules"] = {"default": {"models": written.pop("models")}}
    with pytest.raises(RecipeError, match="without slices or modules"):
        validate_recipe(yaml.safe_dump(written))
