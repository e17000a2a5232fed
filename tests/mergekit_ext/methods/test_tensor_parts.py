"""Parts of models, by names; and weights that are theirs alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from method_inputs import FUSED, merged
from tiny_models import _SMALL, ARCHITECTURES

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods.method_catalogue import METHODS
from mergekit_ext.methods.parameters import PART_WEIGHTS
from mergekit_ext.methods.tensor_parts import PARTS, is_input, part_of


TABLE = "tensor_parts"
NAMES = {
    "embeddings": "lm_head.weight",
    "attention": "model.layers.0.self_attn.q_proj.weight",
    "mlp": "model.layers.0.mlp.up_proj.weight",
    "norms": "model.norm.weight",
}
BASE, ONE, TWO = torch.zeros(6), torch.ones(6), torch.full((6,), 4.0)
WITH_PARTS = sorted(
    method.name.removeprefix("fused_")
    for method in METHODS
    if {*PART_WEIGHTS} <= {*method.parameters}
)


def test_parts(case: dict[str, Any]) -> None:
    assert part_of(case["name"]) == case["part"]
    assert is_input(case["name"]) == case["input"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_tensor_of_an_architecture_is_of_a_part(kind: str) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind, **(_SMALL | ARCHITECTURES[kind]))
    names = AutoModelForCausalLM.from_config(config).state_dict()
    assert {part_of(name) for name in names} == {*PARTS}
    assert [name for name in names if is_input(name)]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_its_own_weight(part: str) -> None:
    each = {"weight": [1.0, 0.5], f"weight_{part}": [None, 0.25]}
    for name in PARTS:
        found = merged(
            "lines", [BASE, ONE, TWO], each, tensor_name=NAMES[name], layers=2
        )
        assert found.tolist() == [2.0 if name == part else 3.0] * 6


@pytest.mark.parametrize("method", WITH_PARTS)
def test_a_part_without_a_weight_has_that_of_all(method: str) -> None:
    shared = {"layers": 2} if "lines" in method else {}
    plain, weighed = (
        merged(method, [BASE, ONE], each, tensor_name="model.norm.weight", **shared)
        for each in (
            {"weight": [0.5]},
            {"weight": [0.5], "weight_mlp": [9.0], "weight_embeddings": [9.0]},
        )
    )
    assert torch.equal(plain, weighed)


def test_a_name_is_needed() -> None:
    each = {"weight": [1.0], "weight_norms": [0.0]}
    with pytest.raises(
        RecipeError, match="fused_lines tells from a tensor's name what"
    ):
        merged("lines", [BASE, ONE], each, tensor_name=None, layers=2)


def test_a_weight_of_a_part_is_a_number() -> None:
    each = {"weight": [1.0], "weight_norms": ["much"]}
    with pytest.raises(RecipeError, match="weight_norms must be a finite number"):
        merged("lines", [BASE, ONE], each, layers=2)


def test_which_methods_have_them() -> None:
    assert "lines" in WITH_PARTS
    assert {*WITH_PARTS} <= FUSED.keys()
