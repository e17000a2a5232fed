"""Our methods as mergekit sees them."""

from __future__ import annotations

from dataclasses import replace

import mergekit.merge_methods as stock
import pytest
import torch
from mergekit.merge_methods import registry

from mergekit_ext import register
from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.philox import keep_mask, mask_key


OURS = {"fused_breadcrumbs", "fused_dare_linear"}


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    methods = {k: v for k, v in registry._METHODS.items() if k not in OURS}
    monkeypatch.setattr(registry, "_METHODS", methods)
    register.register_all()


def test_registers_once() -> None:
    assert set(register.method_names()) >= OURS
    assert register.register_all() == ()


def test_never_overrides_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = replace(stock.get("breadcrumbs"), method_name="fused_breadcrumbs")
    monkeypatch.setattr(registry, "_METHODS", {"fused_breadcrumbs": theirs})
    assert register.register_all() == ("fused_dare_linear",)
    assert register.our_parameters("fused_breadcrumbs") is None
    assert stock.get("fused_breadcrumbs") is theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("fused_breadcrumbs", "breadcrumbs"), ("fused_dare_linear", "dare_linear")],
)
def test_defaults_are_those_of_mergekit(ours: str, theirs: str) -> None:
    mine, stocks = (
        {
            p.name: (p.value_type, p.scope, p.default)
            for p in stock.get(n).spec.parameters
        }
        for n in (ours, theirs)
    )
    seed = mine.pop("seed", None)
    assert mine.items() <= stocks.items()
    assert (seed is not None) == (ours == "fused_dare_linear")
    assert stock.get(ours).spec.contract == stock.get(theirs).spec.contract


def test_parameters_are_known_for_ours_alone() -> None:
    names = {p.name for p in register.our_parameters("fused_breadcrumbs") or ()}
    assert names == {"weight", "density", "gamma", "lambda", "normalize"}
    assert register.our_parameters("breadcrumbs") is None
    assert register.our_parameters("nothing") is None


def test_breadcrumbs_binds_every_parameter() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(63, 5, generator=generator) for _ in range(3)]
    parameters = {
        "weight": [0.5, -0.25],
        "density": [0.3, 0.9],
        "gamma": [0.2, 0.0],
        "lambda": 0.5,
        "normalize": True,
    }
    one, two = (
        stock.merge_tensors(tensors, name, base_index=1, parameters=parameters)
        for name in ("breadcrumbs", "fused_breadcrumbs")
    )
    torch.testing.assert_close(one, two, rtol=0, atol=2e-6)


def test_dare_binds_every_parameter() -> None:
    base, ones = torch.zeros(4097), torch.ones(4097)
    merged = stock.merge_tensors(
        [ones, base, ones],
        "fused_dare_linear",
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
    expected = sum(
        keep_mask(mask_key(5, model, "lm_head.weight"), 0, 4097, density) * factor
        for model, density, factor in (("basque", 0.25, 0.5), ("galician", 0.5, 1.5))
    )
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


def test_dare_needs_the_name_of_the_tensor() -> None:
    with pytest.raises(RecipeError, match=r"draws each tensor's masks from its name"):
        stock.merge_tensors(
            [torch.zeros(2), torch.ones(2)],
            "fused_dare_linear",
            base_index=0,
            parameters={"weight": 1.0},
        )


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_base_is_required(name: str) -> None:
    with pytest.raises(ValueError, match="requires a base"):
        stock.merge_tensors(
            [torch.zeros(2)], name, name="w", parameters={"weight": 1.0}
        )


@pytest.mark.parametrize("name", sorted(OURS))
def test_state_dicts_merge_tensor_by_tensor(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    models = [
        {key: torch.randn(40, generator=generator).bfloat16() for key in "ab"}
        for _ in range(3)
    ]
    parameters = {"weight": 0.5, "density": 0.5}
    merged = stock.merge_state_dicts(models, name, base=0, parameters=parameters)
    for key in "ab":
        alone = stock.merge_tensors(
            [model[key] for model in models],
            name,
            base_index=0,
            name=key,
            parameters=parameters,
        )
        assert torch.equal(merged[key], alone)
        assert merged[key].dtype == torch.bfloat16
