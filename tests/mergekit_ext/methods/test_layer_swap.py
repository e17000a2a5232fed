"""Layer swapping, one tensor at a time."""

from __future__ import annotations

from typing import Any

import mergekit.merge_methods as stock
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.layer_zones import layer_of, zones
from mergekit_ext.register import register_all


LAYERS = 6
ZONES: dict[str, Any] = {"layers": LAYERS, "bottom": 1, "top": 1, "transition": 1}
NAMES = [
    "model.embed_tokens.weight",
    *(f"model.layers.{layer}.mlp.up_proj.weight" for layer in range(LAYERS)),
    "model.norm.weight",
    "lm_head.weight",
]


def model(seed: int, dtype: torch.dtype = torch.bfloat16) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(63, generator=generator).to(dtype) for name in NAMES}


LANGUAGE, TASK, BASE = (model(seed) for seed in range(3))


def swap(
    name: str | None = NAMES[0],
    *,
    language: torch.Tensor | None = None,
    task: torch.Tensor | None = None,
    base: torch.Tensor | None = None,
    roles: tuple[str, str] = ("task", "language"),
    **values: Any,
) -> torch.Tensor:
    task = TASK[name] if task is None and name else task
    language = LANGUAGE[name] if language is None and name else language
    assert task is not None
    assert language is not None
    experts = [
        (Input(task, "instruct"), {"role": roles[0]}),
        (Input(language, "basque"), {"role": roles[1]}),
    ]
    bottom = None if base is None else Input(base, "llama")
    return LAYER_SWAP(bottom, experts, ZONES | values, name=name)


def mean(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    return ((one.float() + two.float()) / 2).to(one.dtype)


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_comes_from_its_zone(name: str) -> None:
    layer = layer_of(name)
    whose = "language" if layer is None else zones(LAYERS, 1, 1, 1).of(layer)
    both = {"language": LANGUAGE[name], "task": TASK[name]}
    expected = both.get(whose, mean(*both.values()))
    assert torch.equal(swap(name), expected)
    assert torch.equal(swap(name, base=BASE[name]), expected)


@pytest.mark.parametrize("name", ["lm_head.weight", "model.norm.weight", NAMES[0]])
def test_embeddings_govern_all_that_is_no_layer(name: str) -> None:
    assert torch.equal(swap(name, embeddings="task"), TASK[name])
    assert torch.equal(swap(name, embeddings="language"), LANGUAGE[name])
    averaged = swap(name, embeddings="average")
    assert torch.equal(averaged, mean(LANGUAGE[name], TASK[name]))


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2), st.sampled_from(NAMES))
def test_identical_models_give_the_same_model(
    bottom: int, top: int, transition: int, name: str
) -> None:
    same = {"language": TASK[name], "task": TASK[name], "base": TASK[name]}
    sizes = {"bottom": bottom, "top": top, "transition": transition, "layers": 10}
    merged = swap(name, **same, **sizes, embeddings="average", revert="layers.1")
    assert torch.equal(merged, TASK[name])


@given(st.sampled_from(NAMES), st.sampled_from(["language", "task", "average"]))
def test_the_order_of_the_models_changes_nothing(name: str, embeddings: str) -> None:
    turned = swap(
        name,
        task=LANGUAGE[name],
        language=TASK[name],
        roles=("language", "task"),
        embeddings=embeddings,
    )
    assert torch.equal(turned, swap(name, embeddings=embeddings))


@pytest.mark.parametrize("revert", ["layers.0-2,lm_head", ["layers.0-2", "lm_head"]])
def test_what_is_reverted_is_the_bases(revert: Any) -> None:
    for name in NAMES:
        merged = swap(name, base=BASE[name], revert=revert)
        reverted = layer_of(name) in (0, 1, 2) or name == "lm_head.weight"
        assert torch.equal(merged, BASE[name] if reverted else swap(name))


def test_a_copy_keeps_every_bit_and_is_new(poison: None) -> None:
    odd = torch.tensor([[-0.0, torch.inf], [1e-45, torch.nan]])
    merged = swap(language=odd.T, task=torch.zeros(2, 2))
    assert torch.equal(merged.view(torch.int32), odd.T.contiguous().view(torch.int32))
    assert merged.is_contiguous()
    assert merged.untyped_storage().data_ptr() != odd.untyped_storage().data_ptr()


def test_an_average_is_rounded_once() -> None:
    one, two = torch.tensor([1.0]).bfloat16(), torch.tensor([2**-8]).bfloat16()
    merged = swap(language=two, task=one, base=torch.zeros(1), embeddings="average")
    assert merged.dtype == torch.float32  # the base's
    assert merged.item() == 0.5 + 2**-9


@pytest.mark.parametrize("size", [0, 1, 63, 4097])
def test_sizes(size: int) -> None:
    one, two = torch.zeros(size), torch.ones(size)
    assert torch.equal(swap(task=one, language=two), two)
    averaged = swap(task=one, language=two, embeddings="average")
    assert torch.equal(averaged, two / 2)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"layers": 0}, "give layers, as num_hidden_layers"),
        ({"roles": ("task", "task")}, "'instruct' and 'basque' have the role 'task'"),
        ({"revert": "lm_head"}, "there is no base model; set base_model"),
        ({"bottom": 9}, "make 12, but the models have 6"),
        ({"name": None}, "this one has none; give it, as in merge_tensors"),
        ({"name": "model.layers.6.mlp.up_proj.weight"}, "a layer 6, counted from 0"),
        ({"top": 1.5}, "top must be a whole number of layers, or a share"),
        ({"revert": ["a", 3]}, "revert must be a list of parts of tensor names"),
        ({"revert": {"a": 1}}, "revert must be a list of parts of tensor names"),
        ({"revert": "a,,b"}, "revert must be a list of parts of tensor names"),
    ],
)
def test_what_cannot_be_is_said(values: dict[str, Any], why: str) -> None:
    tensors = {"task": torch.zeros(1), "language": torch.zeros(1)}
    with pytest.raises(RecipeError, match=why):
        swap(**{"name": NAMES[3]} | tensors | values)


def test_tensors_must_fit_each_other() -> None:
    with pytest.raises(InputError, match=r"shape \(63,\) in 'instruct' but \(2,\)"):
        swap(language=torch.zeros(2).bfloat16())


def test_mergekit_merges_state_dicts() -> None:
    register_all()
    parameters = {"role": ["language", "task"], **ZONES, "revert": "lm_head"}
    merged = stock.merge_state_dicts(
        [LANGUAGE, TASK, BASE], "layer_swap", base=2, parameters=parameters
    )
    for name in NAMES:
        expected = swap(name, base=BASE[name], revert="lm_head")
        assert torch.equal(merged[name], expected)


@pytest.mark.parametrize(("models", "base"), [(3, None), (1, None), (2, 1), (4, 0)])
def test_mergekit_refuses_another_number_of_models(
    models: int, base: int | None
) -> None:
    register_all()
    with pytest.raises(ValueError, match=r"requires .* 2 non-base inputs"):
        stock.merge_tensors(
            [torch.zeros(1)] * models,
            "layer_swap",
            base_index=base,
            name=NAMES[0],
            parameters={"role": "task", "layers": 1},
        )
