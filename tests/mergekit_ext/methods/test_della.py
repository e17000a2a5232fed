"""DELLA: what its masks depend on, and what it is without them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_inputs import merged, near

from mergekit_ext.errors import RecipeError


DELLAS = ["della_linear", "della"]


@pytest.mark.parametrize(
    ("method", "plain"), [("della_linear", "dare_linear"), ("della", "dare_ties")]
)
@given(seed=st.integers(0, 2**64 - 1), size=st.integers(0, 300))
@settings(max_examples=20)
def test_without_a_spread_it_is_dare(
    method: str, plain: str, seed: int, size: int
) -> None:
    tensors = near(size)
    each = {"weight": [0.5, 0.75], "density": [0.25, 0.5]}
    shared = {"seed": seed, "normalize": False}
    found = merged(method, tensors, each | {"epsilon": [0.0, 0.0]}, **shared)
    assert torch.equal(found, merged(plain, tensors, each, **shared))


def test_a_row_is_the_last_dimension_and_a_vector_is_one() -> None:
    """Small magnitudes are dropped: of each row, or of the whole."""
    ramp = torch.arange(1.0, 4097)
    each = {"weight": [1.0], "density": [0.5], "epsilon": [0.49]}
    for shape, halves in (((4096,), 1), ((8, 512), 8), ((2, 4, 512), 8)):
        tensors = [torch.zeros(shape), ramp.view(shape)]
        kept = merged("della_linear", tensors, each).view(halves, -1) != 0
        share = kept.view(halves, 2, -1).double().mean(-1)
        assert bool((share[:, 0] < 0.35).all())
        assert bool((share[:, 1] > 0.65).all())


def test_a_mask_depends_on_seed_model_and_name() -> None:
    base, ones = torch.zeros(4097), torch.ones(4097)
    each = {"weight": [1.0], "density": [0.5]}
    first = merged("della_linear", [base, ones], each)
    assert torch.equal(first, merged("della_linear", [base, ones], each, seed=0))
    for other in (
        merged("della_linear", [base, ones], each, seed=1),
        merged("della_linear", [base, ones], each, keys=["b"]),
        merged("della_linear", [base, ones], each, tensor_name="v"),
    ):
        assert not torch.equal(first, other)


@pytest.mark.parametrize("method", DELLAS)
def test_probabilities_lie_between_0_and_1(method: str) -> None:
    each = {"weight": [1.0], "density": [0.1], "epsilon": [0.1]}
    with pytest.raises(
        RecipeError, match=r"'basque': with a density of 0.1 and an eps"
    ):
        merged(method, [torch.zeros(3), torch.ones(3)], each)
