"""Breadcrumbs against mergekit's own, the reference and float64."""

from __future__ import annotations

import mergekit.merge_methods as stock
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.kernels import reference
from mergekit_ext.kernels.deltas import CPU_CHUNK
from mergekit_ext.methods.breadcrumbs import CrumbledExpert, breadcrumbs


SIZES = [0, 1, 63, 4097, CPU_CHUNK + 63]


def family(
    size: int, count: int = 2, dtype: torch.dtype = torch.float32, seed: int = 0
) -> list[torch.Tensor]:
    """A base and experts near it."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(size, generator=generator)
    noise = [torch.randn(size, generator=generator) * 0.01 for _ in range(count)]
    return [tensor.to(dtype) for tensor in (base, *(base + n for n in noise))]


def untied_family(size: int) -> list[torch.Tensor]:
    """A base and two experts without ties: mergekit's sort is not stable.

    All are multiples of 2**-20 below 1, so that the deltas are exact.
    """
    generator = torch.Generator().manual_seed(size)
    base = torch.randint(2**18, (size,), generator=generator)
    deltas = [
        torch.randperm(size, generator=generator)
        * (torch.randint(2, (size,), generator=generator) * 2 - 1)
        for _ in range(2)
    ]
    return [tensor / 2**20 for tensor in (base, *(base + delta for delta in deltas))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("lambda_", [1.0, 0.7])
def test_agrees_with_mergekit_in_single_precision(
    size: int, normalize: bool, lambda_: float
) -> None:
    base, *tensors = untied_family(size)
    settings = {"weight": [0.3, 0.9], "density": [0.6, 0.2], "gamma": [0.01, 0.3]}
    expected = stock.merge_tensors(
        [base, *tensors],
        "breadcrumbs",
        base_index=0,
        parameters={**settings, "normalize": normalize, "lambda": lambda_},
    )
    columns = zip(tensors, *settings.values(), strict=True)
    experts = [CrumbledExpert(*column) for column in columns]
    merged = breadcrumbs(base, experts, lambda_=lambda_, normalize=normalize)
    # summation order: a few units in the last place of values below 8
    torch.testing.assert_close(merged, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", SIZES)
def test_full_density_is_task_arithmetic(size: int) -> None:
    base, *tensors = family(size)
    expected = stock.merge_tensors(
        [base, *tensors],
        "task_arithmetic",
        base_index=0,
        parameters={"weight": [0.3, 0.9]},
    )
    experts = [CrumbledExpert(t, w) for t, w in zip(tensors, [0.3, 0.9], strict=True)]
    torch.testing.assert_close(breadcrumbs(base, experts), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64]
)
def test_is_the_reference(size: int, dtype: torch.dtype) -> None:
    base, *tensors = family(size, dtype=dtype)
    masks = [
        reference.breadcrumbs_mask(reference.task_vector(base, tensor), 0.6, 0.05)
        for tensor in tensors
    ]
    experts = [CrumbledExpert(tensor, 0.5, 0.6, 0.05) for tensor in tensors]
    expected = reference.merge(base, tensors, [0.5, 0.5], masks)
    assert torch.equal(breadcrumbs(base, experts), expected)


@pytest.mark.parametrize("density", [1.0, 0.6])
def test_is_nearer_to_the_truth_than_mergekit_in_bf16(density: float) -> None:
    base, *tensors = family(50_000, dtype=torch.bfloat16)
    double = [tensor.double() for tensor in (base, *tensors)]
    settings = {"weight": 0.3, "density": density}
    theirs = stock.merge_tensors(
        [base, *tensors], "breadcrumbs", base_index=0, parameters=settings
    )
    ours = breadcrumbs(base, [CrumbledExpert(t, **settings) for t in tensors])
    truth = breadcrumbs(double[0], [CrumbledExpert(t, **settings) for t in double[1:]])
    error, their_error = ((t.double() - truth).abs() for t in (ours, theirs))
    assert float(error.max()) <= float(their_error.max())
    assert float(error.mean()) < float(their_error.mean())


@given(st.integers(0, 60), st.integers(1, 70), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_chunks_change_no_bit(
    size: int, chunk: int, density: float, gamma: float
) -> None:
    base, *tensors = family(size, dtype=torch.bfloat16)
    experts = [CrumbledExpert(tensor, 0.5, density, gamma) for tensor in tensors]
    whole = breadcrumbs(base, experts)
    assert torch.equal(breadcrumbs(base, experts, chunk=chunk), whole)


@given(st.integers(1, 200), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_density_is_exact(size: int, density: float, gamma: float) -> None:
    base, ones = torch.zeros(size), torch.ones(size)
    merged = breadcrumbs(base, [CrumbledExpert(ones, 1.0, density, gamma)])
    assert int(merged.sum()) == (size if density == 1 else int(density * size))


@given(st.permutations(range(4)))
@settings(max_examples=24, deadline=None)
def test_order_of_experts_changes_rounding_only(order: list[int]) -> None:
    base, *tensors = family(4097, 4)
    experts = [CrumbledExpert(t, 0.1 * i, 0.5) for i, t in enumerate(tensors)]
    shuffled = [experts[index] for index in order]
    one, two = breadcrumbs(base, experts), breadcrumbs(base, shuffled)
    torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


def test_the_inputs_are_left_alone() -> None:
    base, expert = family(100, 1)
    copies = base.clone(), expert.clone()
    breadcrumbs(base, [CrumbledExpert(expert, 1.0, 0.5)])
    assert torch.equal(base, copies[0])
    assert torch.equal(expert, copies[1])


@pytest.mark.parametrize(
    "values",
    [
        {"weight": float("nan")},
        {"weight": float("inf")},
        {"weight": 1.0, "density": 1.1},
        {"weight": 1.0, "density": -0.1},
        {"weight": 1.0, "gamma": 2.0},
    ],
)
def test_refuses_numbers_out_of_range(values: dict[str, float]) -> None:
    wrong = list(values)[-1]
    with pytest.raises(RecipeError, match=f"'galician': {wrong} must be"):
        CrumbledExpert(torch.zeros(1), **values, model="galician")


def test_refuses_an_infinite_lambda() -> None:
    with pytest.raises(RecipeError, match="lambda must be a finite number, not inf"):
        breadcrumbs(torch.zeros(1), [], lambda_=float("inf"))


def test_errors_name_tensor_and_models() -> None:
    expert = CrumbledExpert(torch.tensor([float("nan")]), 1.0, model="galician")
    with pytest.raises(InputError, match=r"'lm_head', element 0 is NaN in 'galician'"):
        breadcrumbs(torch.zeros(1), [expert], tensor_name="lm_head")
