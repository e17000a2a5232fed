"""Inputs are read in their own dtype, sums are float32, and are rounded once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from method_inputs import FUSED, merged, near


ARGUMENTS: dict[str, dict[str, Any]] = {
    "linear": {"each": {"weight": [0.2, 0.3, 0.6]}},
    "task_arithmetic": {"each": {"weight": [0.3, -0.7]}, "lambda_": 0.9},
    "ties": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}, "rescale": True},
    "breadcrumbs": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}},
    "breadcrumbs_ties": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}},
    "dare_linear": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}},
    "dare_ties": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}},
    "della": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}},
    "della_linear": {"each": {"weight": [0.3, 0.7], "density": [0.4, 0.7]}},
    "null_space": {"each": {"weight": [0.3, 0.7]}},
    "null_space_lines": {"each": {"weight": [0.3, 0.7]}, "beta": 0.9, "layers": 3},
    "widen": {"each": {"weight": [0.3, 0.7]}},
    "nearswap": {"t": 0.005},
    "lines": {"each": {"weight": [0.3, 0.7]}, "beta": 0.9, "layers": 3},
}


def family(method: str, dtype: torch.dtype, size: int = 4097) -> list[torch.Tensor]:
    return near(size, 1 if method == "nearswap" else 2, dtype)


def test_every_method_is_here() -> None:
    assert ARGUMENTS.keys() == FUSED.keys()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", sorted(FUSED))
def test_is_the_sum_in_single_precision_rounded(
    method: str, dtype: torch.dtype
) -> None:
    tensors = family(method, dtype)
    rounded = merged(method, tensors, **ARGUMENTS[method])
    exact = merged(method, [t.float() for t in tensors], **ARGUMENTS[method])
    assert exact.dtype == torch.float32
    assert torch.equal(rounded, exact.to(dtype))
    assert not torch.equal(rounded.float(), exact)


@pytest.mark.parametrize("method", sorted(FUSED))
def test_is_within_half_a_unit_of_the_truth(method: str) -> None:
    """bf16 has 8 bits: half a unit of a value is 2**-8 of it, at most."""
    tensors = family(method, torch.bfloat16)
    found = merged(method, tensors, **ARGUMENTS[method]).double()
    truth = merged(method, [t.double() for t in tensors], **ARGUMENTS[method])
    # where the truth is within the rounding of float32 of a middle, either will do
    bound = 2.0**-8 * truth.abs() * (1 + 2.0**-12) + 2.0**-20
    assert bool(((found - truth).abs() <= bound).all())


@pytest.mark.parametrize("method", sorted(FUSED))
def test_mixed_dtypes_are_read_as_they_are(method: str) -> None:
    base, *experts = family(method, torch.bfloat16)
    experts = [
        expert.float() + torch.arange(len(expert)) * 2.0**-20 for expert in experts
    ]
    mixed = merged(method, [base, *experts], **ARGUMENTS[method])
    exact = merged(method, [base.float(), *experts], **ARGUMENTS[method])
    assert mixed.dtype == torch.bfloat16
    assert torch.equal(mixed, exact.bfloat16())


def test_halves_that_are_lost_one_by_one_add_up() -> None:
    # 1 + 2**-7: 0.45 of the step is lost in bf16, twice 0.45 is not
    base, expert = torch.tensor([1.0]), torch.tensor([1.0078125])
    tensors = [base.bfloat16(), expert.bfloat16()]
    one = merged("task_arithmetic", tensors, {"weight": [0.45]})
    two = merged("task_arithmetic", [*tensors, tensors[1]], {"weight": [0.45, 0.45]})
    assert (one.item(), two.item()) == (1.0, 1.0078125)


@pytest.mark.parametrize("method", sorted(FUSED))
def test_double_precision_stays_double(method: str) -> None:
    tensors = family(method, torch.float64)
    tensors[1] = tensors[1] + 1e-12
    found = merged(method, tensors, **ARGUMENTS[method])
    assert found.dtype == torch.float64
    assert not torch.equal(found, found.float().double())
