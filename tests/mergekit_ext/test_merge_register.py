"""Our methods as mergekit sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mergekit.merge_methods as stock
import pytest
import torch
from mergekit.merge_methods import registry

from mergekit_ext import register
from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.philox import keep_mask, mask_key, threshold
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method_catalogue import METHODS
from mergekit_ext.methods.parameters import PART_WEIGHTS


OURS = {method.name: method for method in METHODS}
# ours, and mergekit's method of that name
THEIRS = {method.spec.name for method in stock.registered_methods()} - OURS.keys()
NAMESAKES = {
    name: short for name in OURS if (short := name.removeprefix("fused_")) in THEIRS
}
ALONE = {
    "layer_swap",
    "fused_lines",
    "fused_null_space",
    "fused_null_space_lines",
    "fused_widen",
}
# what ours has and the namesake has not, and the other way round
PARTS = {one.name for one in PART_WEIGHTS}
MORE = {
    "fused_dare_linear": {"seed"},
    "fused_dare_ties": {"seed"},
    "fused_della": {"seed", *PARTS},
    "fused_della_linear": {"seed", *PARTS},
}
INT8 = {"int8_mask"}
LESS = dict.fromkeys(NAMESAKES, INT8) | {
    "fused_linear": set(),
    "fused_nearswap": set(),
    # they have no mask whose norm could be made good
    "fused_task_arithmetic": INT8 | {"rescale", "density"},
}
BASED = sorted(NAMESAKES.keys() - {"fused_linear"})


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    methods = {k: v for k, v in registry._METHODS.items() if k not in OURS}
    monkeypatch.setattr(registry, "_METHODS", methods)
    register.register_all()


def parameters(name: str) -> dict[str, Any]:
    specs = stock.get(name).spec.parameters
    return {p.name: (p.value_type, p.scope, p.default, p.required) for p in specs}


def settings(name: str) -> dict[str, Any]:
    """Return values for what a method has no default for."""
    if name == "fused_nearswap":
        return {"t": 0.5}
    return {"weight": 0.5}


def test_the_names() -> None:
    assert sorted(NAMESAKES) == [
        "fused_breadcrumbs",
        "fused_breadcrumbs_ties",
        "fused_dare_linear",
        "fused_dare_ties",
        "fused_della",
        "fused_della_linear",
        "fused_linear",
        "fused_nearswap",
        "fused_task_arithmetic",
        "fused_ties",
    ]
    assert OURS.keys() - NAMESAKES.keys() == ALONE


def test_registers_once() -> None:
    assert set(register.method_names()) >= set(OURS)
    assert register.register_all() == ()


def test_never_overrides_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = replace(stock.get("breadcrumbs"), method_name="fused_breadcrumbs")
    monkeypatch.setattr(registry, "_METHODS", {"fused_breadcrumbs": theirs})
    assert set(register.register_all()) == OURS.keys() - {"fused_breadcrumbs"}
    assert register.our_method("fused_breadcrumbs") is None
    assert register.our_parameters("fused_breadcrumbs") is None
    assert stock.get("fused_breadcrumbs") is theirs


@pytest.mark.parametrize("name", sorted(NAMESAKES))
def test_parameters_are_those_of_mergekit(name: str) -> None:
    mine, theirs = parameters(name), parameters(NAMESAKES[name])
    assert mine.keys() - theirs.keys() == MORE.get(name, set())
    assert theirs.keys() - mine.keys() == LESS[name]
    shared = mine.keys() & theirs.keys()
    for one in shared:
        # a default of one that has none is mergekit's own mark for that
        assert mine[one] == theirs[one], one


@pytest.mark.parametrize("name", sorted(NAMESAKES))
def test_contracts_are_those_of_mergekit(name: str) -> None:
    mine, theirs = stock.get(name).spec, stock.get(NAMESAKES[name]).spec
    assert mine.contract == theirs.contract
    assert mine.optional_tensor_policy == theirs.optional_tensor_policy
    assert mine.reference_url == theirs.reference_url
    assert mine.pretty_name == f"{theirs.pretty_name} (fused)"


def test_parameters_are_known_for_ours_alone() -> None:
    names = {p.name for p in register.our_parameters("fused_breadcrumbs") or ()}
    assert names == {"weight", "density", "gamma", "lambda", "normalize", "rescale"}
    assert register.our_parameters("breadcrumbs") is None
    assert register.our_parameters("nothing") is None
    assert register.our_method("fused_ties") is OURS["fused_ties"]


EVERY: dict[str, dict[str, Any]] = {
    "fused_linear": {"weight": [0.5, -0.25, 0.125], "normalize": False},
    "fused_task_arithmetic": {"lambda": 0.5, "normalize": True},
    "fused_ties": {"density": [0.3, 0.9], "lambda": 0.5, "normalize": False},
    "fused_breadcrumbs": {"density": [0.3, 0.9], "gamma": [0.2, 0.0], "lambda": 0.5},
    "fused_breadcrumbs_ties": {"density": [0.3, 0.9], "gamma": [0.2, 0.0]},
    "fused_nearswap": {"t": 0.5},
}


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_parameter_is_bound(name: str, rescale: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    count = 2 if name == "fused_nearswap" else 3
    tensors = [torch.randn(63, 5, generator=generator) for _ in range(count)]
    values = EVERY[name]
    if "density" in values:
        values = values | {"rescale": rescale}
    if name not in ("fused_linear", "fused_nearswap"):
        values = values | {"weight": [0.5, -0.25]}
    one, two = (
        stock.merge_tensors(tensors, method, base_index=1, parameters=values)
        for method in (NAMESAKES[name], name)
    )
    # values below 8, and a few roundings in another order
    torch.testing.assert_close(one, two, rtol=0, atol=4e-6)


@pytest.mark.parametrize("name", ["fused_dare_linear", "fused_dare_ties"])
def test_dare_binds_every_parameter(name: str) -> None:
    base, ones = torch.zeros(4097), torch.ones(4097)
    merged = stock.merge_tensors(
        [ones, base, ones],
        name,
        base_index=1,
        ids=["basque", "llama", "galician"],
        name="lm_head.weight",
        parameters={
            "weight": {"basque": 1.0, "galician": 3.0},
            "density": [0.25, 0.5],
            "lambda": 2.0,
            "normalize": True,
            "rescale": False,
            "seed": 5,
        },
    )
    masks = [
        keep_mask(mask_key(5, model, "lm_head.weight"), 0, 4097, threshold(density))
        for model, density in (("basque", 0.25), ("galician", 0.5))
    ]
    expected = masks[0] * 0.5 + masks[1] * 1.5
    if name == "fused_dare_ties":
        expected = 2.0 * (masks[0] | masks[1])
    assert torch.equal(merged, expected)


def test_dare_divides_by_the_density_unless_told_otherwise() -> None:
    merged = stock.merge_tensors(
        [torch.zeros(64), torch.ones(64)],
        "fused_dare_linear",
        base_index=0,
        name="w",
        parameters={"weight": 1.0, "density": 0.25},
    )
    assert set(merged.tolist()) == {0.0, 4.0}


@pytest.mark.parametrize("name", ["fused_dare_linear", "fused_dare_ties"])
def test_dare_needs_the_name_of_the_tensor(name: str) -> None:
    tensors, values = [torch.zeros(2), torch.ones(2)], {"weight": 1.0}
    with pytest.raises(RecipeError, match=r"draws each tensor's masks from its name"):
        stock.merge_tensors(tensors, name, base_index=0, parameters=values)


@pytest.mark.parametrize("name", BASED)
def test_a_base_is_required(name: str) -> None:
    with pytest.raises(ValueError, match="requires a base"):
        stock.merge_tensors(
            [torch.zeros(2)] * 2, name, name="w", parameters=settings(name)
        )


def test_linear_has_the_base_among_its_models() -> None:
    tensors = [torch.zeros(2), torch.ones(2)]
    values = {"weight": [1.0, 3.0]}
    for base in (None, 0, 1):
        merged = stock.merge_tensors(
            tensors, "fused_linear", base_index=base, parameters=values
        )
        assert merged.tolist() == [0.75, 0.75]


@pytest.mark.parametrize("name", sorted(BASED))
def test_a_base_alone(name: str) -> None:
    base = torch.arange(9.0)
    if name == "fused_nearswap":
        with pytest.raises(ValueError, match="requires at least 2 inputs"):
            stock.merge_tensors([base], name, base_index=0, parameters={"t": 1.0})
        return
    one, two = (
        stock.merge_tensors([base], method, base_index=0, parameters={"weight": []})
        for method in (NAMESAKES[name], name)
    )
    assert torch.equal(one, two)


@pytest.mark.parametrize("name", sorted(NAMESAKES))
def test_state_dicts_merge_tensor_by_tensor(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    count = 2 if name == "fused_nearswap" else 3
    models = [
        {key: torch.randn(40, generator=generator).bfloat16() for key in "ab"}
        for _ in range(count)
    ]
    values = settings(name)
    if "density" in parameters(name):
        values["density"] = 0.5
    merged = stock.merge_state_dicts(models, name, base=0, parameters=values)
    for key in "ab":
        alone = OURS[name](
            *split(name, [model[key] for model in models], values), name=key
        )
        assert torch.equal(merged[key], alone)
        assert merged[key].dtype == torch.bfloat16


def split(name: str, tensors: list[torch.Tensor], values: dict[str, Any]) -> list[Any]:
    """Return a method's own arguments for what mergekit was given."""
    inputs = [Input(tensor, str(index)) for index, tensor in enumerate(tensors)]
    each = {key: value for key, value in values.items() if key != "t"}
    shared = {key: value for key, value in values.items() if key == "t"}
    if name == "fused_linear":
        return [None, [(one, each) for one in inputs], shared]
    return [inputs[0], [(one, each) for one in inputs[1:]], shared]
