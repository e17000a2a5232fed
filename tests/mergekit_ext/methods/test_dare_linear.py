"""DARE against the reference, task arithmetic and its own expectation."""

from __future__ import annotations

import math

import mergekit.merge_methods as stock
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels import reference
from mergekit_ext.kernels.deltas import CPU_CHUNK
from mergekit_ext.kernels.philox import keep_mask, mask_key
from mergekit_ext.methods.dare_linear import DroppedExpert, dare_linear


SIZES = [0, 1, 63, 4097, CPU_CHUNK + 63]


def family(size: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(size)
    base = torch.randn(size, generator=generator)
    noise = [torch.randn(size, generator=generator) * 0.01 for _ in range(2)]
    return [tensor.to(dtype) for tensor in (base, *(base + n for n in noise))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("rescale", [False, True])
def test_is_the_reference(size: int, dtype: torch.dtype, rescale: bool) -> None:
    base, *tensors = family(size, dtype)
    keys = [mask_key(7, model, "w") for model in "ab"]
    masks = [keep_mask(key, 0, size, 0.4) for key in keys]
    experts = [
        DroppedExpert(tensor, 0.5, 0.4, model)
        for tensor, model in zip(tensors, "ab", strict=True)
    ]
    factor = 0.5 / 0.4 if rescale else 0.5
    merged = dare_linear(base, experts, tensor_name="w", seed=7, rescale=rescale)
    expected = reference.merge(base, tensors, [factor, factor], masks)
    assert torch.equal(merged, expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("normalize", [False, True])
def test_full_density_is_task_arithmetic(size: int, normalize: bool) -> None:
    base, *tensors = family(size)
    expected = stock.merge_tensors(
        [base, *tensors],
        "task_arithmetic",
        base_index=0,
        parameters={"weight": [0.3, 0.9], "lambda": 0.7, "normalize": normalize},
    )
    experts = [DroppedExpert(t, w) for t, w in zip(tensors, [0.3, 0.9], strict=True)]
    merged = dare_linear(
        base, experts, tensor_name="w", lambda_=0.7, normalize=normalize
    )
    torch.testing.assert_close(merged, expected, rtol=0, atol=2e-6)


def test_rescaling_keeps_the_expectation() -> None:
    size, density = 200_000, 0.25
    base, ones = torch.zeros(size), torch.ones(size)
    experts = [DroppedExpert(ones, 1.0, density)]
    mean = float(dare_linear(base, experts, tensor_name="w").mean())
    assert abs(mean - 1) < 5 * math.sqrt((1 / density - 1) / size)
    plain = float(dare_linear(base, experts, tensor_name="w", rescale=False).mean())
    assert plain == pytest.approx(mean * density)


@given(st.integers(0, 60), st.integers(1, 70), st.floats(1e-6, 1))
@settings(max_examples=80, deadline=None)
def test_chunks_change_no_bit(size: int, chunk: int, density: float) -> None:
    base, tensor, _ = family(size, torch.bfloat16)
    experts = [DroppedExpert(tensor, 0.5, density)]
    whole = dare_linear(base, experts, tensor_name="w")
    assert torch.equal(dare_linear(base, experts, tensor_name="w", chunk=chunk), whole)


def test_strides_change_no_mask() -> None:
    base, ones = torch.zeros(64, 33), torch.ones(64, 33)
    merged = [
        dare_linear(one, [DroppedExpert(two, 1.0, 0.5)], tensor_name="w", chunk=100)
        for one, two in ((base, ones), (base.t().contiguous().t(), ones))
    ]
    assert torch.equal(*merged)


def test_the_mask_depends_on_seed_model_and_name_alone() -> None:
    base, ones = torch.zeros(4097), torch.ones(4097)

    def mask(weight: float, model: str, name: str, seed: int) -> torch.Tensor:
        experts = [DroppedExpert(ones, weight, 0.5, model)]
        return dare_linear(base, experts, tensor_name=name, seed=seed) != 0

    first = mask(1.0, "a", "w", 0)
    assert torch.equal(mask(-3.0, "a", "w", 0), first)
    for other in (("b", "w", 0), ("a", "v", 0), ("a", "w", 1)):
        assert not torch.equal(mask(1.0, *other), first)


def test_the_order_of_experts_changes_no_mask() -> None:
    base, ones = torch.zeros(4097), torch.ones(4097)
    experts = [DroppedExpert(ones, 1.0, 0.5, "a"), DroppedExpert(ones, 2.0, 0.5, "b")]
    one, two = (
        dare_linear(base, order, tensor_name="w") for order in (experts, experts[::-1])
    )
    assert torch.equal(one, two)  # sums of powers of two, exact in any order
    assert sorted(set(one.tolist())) == [0, 2, 4, 6]


def test_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    ones = DroppedExpert(torch.ones(9), 1.0, 0.5)
    dare_linear(torch.zeros(9), [ones], tensor_name="w")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_nothing_can_be_rescaled_by_a_density_of_zero() -> None:
    base, expert = torch.ones(9), DroppedExpert(torch.zeros(9), 1.0, 0.0, "galician")
    with pytest.raises(RecipeError, match="'galician': a density of 0 keeps nothing"):
        dare_linear(base, [expert], tensor_name="w")
    merged = dare_linear(base, [expert], tensor_name="w", rescale=False)
    assert torch.equal(merged, base)


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, True, "0"])
def test_refuses_what_is_no_seed(seed: object) -> None:
    with pytest.raises(RecipeError, match="seed must be a whole number from 0"):
        dare_linear(torch.zeros(1), [], tensor_name="w", seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("density", [-0.1, 1.1, float("nan")])
def test_refuses_what_is_no_density(density: float) -> None:
    with pytest.raises(RecipeError, match="'expert': density must be a number from 0"):
        DroppedExpert(torch.zeros(1), 1.0, density)
