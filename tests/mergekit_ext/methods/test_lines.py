"""The ramp over the layers: what is where, and what it comes to."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from method_inputs import merged, near

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels import reference
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, Term


BASE, ONE, TWO = torch.zeros(3), torch.full((3,), 16.0), torch.ones(3)
small = st.floats(-4, 4, width=32)


def layer(index: int) -> str:
    return f"model.layers.{index}.self_attn.q_proj.weight"


# name, share of the way from alpha to beta, of five layers
DEPTHS = [
    ("model.embed_tokens.weight", 0),
    ("transformer.wpe.weight", 0),
    (layer(0), 0),
    (layer(1), Fraction(1, 4)),
    (layer(3), Fraction(3, 4)),
    (layer(4), 1),
    ("model.norm.weight", 1),
    ("lm_head.weight", 1),
]


@pytest.mark.parametrize(("name", "share"), DEPTHS)
def test_the_first_enters_whole_and_the_others_by_the_ramp(
    name: str, share: Fraction
) -> None:
    options: dict[str, Any] = {"alpha": 0.25, "beta": 1.25, "layers": 5}
    both = merged(
        "lines", [BASE, ONE, TWO], {"weight": [1, 2]}, tensor_name=name, **options
    )
    assert both.tolist() == [float(16 + 2 * (Fraction(1, 4) + share))] * 3
    alone = merged(
        "lines", [BASE, TWO], {"weight": [1]}, tensor_name=name, lambda_=2.0, **options
    )
    assert alone.tolist() == [float(2 * (Fraction(1, 4) + share))] * 3


@given(st.lists(small, min_size=1, max_size=3), small, st.integers(1, 40), st.data())
def test_without_a_slope_at_one_it_is_task_arithmetic(
    weights: list[float], factor: float, layers: int, data: st.DataObject
) -> None:
    tensors = near(63, len(weights), torch.bfloat16)
    name = layer(data.draw(st.integers(0, layers - 1)))
    options: dict[str, Any] = {"lambda_": factor, "tensor_name": name}
    each = {"weight": weights}
    found = merged("lines", tensors, each, alpha=1, beta=1, layers=layers, **options)
    assert torch.equal(found, merged("task_arithmetic", tensors, each, **options))


@given(small, small, st.integers(1, 40), st.data())
def test_is_the_reference(
    alpha: float, beta: float, layers: int, data: st.DataObject
) -> None:
    base, one, two = near(63, 2, torch.bfloat16)
    index = data.draw(st.integers(0, layers - 1))
    slope = alpha + (beta - alpha) * (index / max(1, layers - 1))
    if index == layers - 1 > 0:
        slope = beta
    terms = (Term(Input(one, "one"), 0.7), Term(Input(two, "two"), 0.3, scale=slope))
    found = merged(
        "lines", [base, one, two], {"weight": [0.7, 0.3]}, tensor_name=layer(index),
        alpha=alpha, beta=beta, layers=layers,
    )  # fmt: skip
    wanted = reference.merge(Merge("w", Input(base, "base"), terms))
    assert torch.equal(found, wanted)


@given(small, small, st.sampled_from([name for name, _ in DEPTHS]))
def test_nothing_of_the_expert_leaves_the_instructed_model(
    alpha: float, beta: float, name: str
) -> None:
    tensors = near(63, 2)
    options: dict[str, Any] = {
        "tensor_name": name, "alpha": alpha, "beta": beta, "layers": 5,
    }  # fmt: skip
    found = merged("lines", tensors, {"weight": [1, 0]}, **options)
    alone = merged("task_arithmetic", tensors[:2], {"weight": [1]})
    assert torch.equal(found, alone)
    none = merged("lines", tensors, {"weight": [1, 1]}, lambda_=0, **options)
    assert torch.equal(none, tensors[0])


REFUSED = [
    ({}, layer(0), "does not show how many layers its model has; give layers"),
    ({"layers": 2}, None, "tells from a tensor's name how deep it is"),
    ({"layers": 2}, layer(2), "there is a layer 2, counted from 0, but the models"),
    ({"layers": 1.5}, layer(0), "layers must be a whole number of layers"),
    ({"layers": 2, "alpha": "low"}, layer(0), "alpha must be a finite number"),
]


@pytest.mark.parametrize(("shared", "name", "message"), REFUSED)
def test_refused(shared: dict[str, Any], name: str | None, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        merged("lines", [BASE, ONE], {"weight": [1]}, tensor_name=name, **shared)
    assert str(caught.value).startswith("fused_lines")
