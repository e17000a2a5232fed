"""The chunked sum against the plain one, bit for bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.errors import InputError
from mergekit_ext.kernels import reference
from mergekit_ext.kernels.accumulate import Term, add_terms, coefficients
from mergekit_ext.kernels.deltas import CPU_CHUNK, TaskVector
from mergekit_ext.kernels.philox import keep_mask


DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]

pytestmark = pytest.mark.usefixtures("poison")


def tensor(
    *shape: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def masked(vector: TaskVector, factor: float, mask: torch.Tensor) -> Term:
    return Term(vector, factor, lambda start, delta: mask[start : start + len(delta)])


@pytest.mark.parametrize("size", [0, 1, 63, 4097, CPU_CHUNK + 63])
@pytest.mark.parametrize("dtype", DTYPES)
def test_is_the_reference(size: int, dtype: torch.dtype) -> None:
    base = tensor(size, dtype=dtype)
    experts = [tensor(size, seed=seed, dtype=dtype) for seed in (1, 2)]
    masks = [keep_mask(seed, 0, size, 0.5) for seed in (1, 2)]
    factors = [0.3, -1.7]
    terms = [
        masked(TaskVector(base, expert), factor, mask)
        for expert, factor, mask in zip(experts, factors, masks, strict=True)
    ]
    merged = add_terms(base, terms)
    assert merged.dtype == dtype
    assert torch.equal(merged, reference.merge(base, experts, factors, masks))


@given(st.integers(0, 70), st.integers(1, 80), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_chunks_change_no_bit(size: int, chunk: int, seed: int) -> None:
    base = tensor(size, seed=seed)
    term = Term(TaskVector(base, tensor(size, seed=seed + 1)), 0.1)
    assert torch.equal(add_terms(base, [term], chunk), add_terms(base, [term]))


def test_strides_change_no_bit() -> None:
    base, expert = tensor(37, 53), tensor(37, 53, seed=1)
    plain = add_terms(base, [Term(TaskVector(base, expert), 0.7)], 100)
    one, two = base.t().contiguous().t(), expert.t().contiguous().t()
    strided = add_terms(one, [Term(TaskVector(one, two), 0.7)], 100)
    assert not one.is_contiguous()
    assert strided.is_contiguous()
    assert torch.equal(strided, plain)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3, 4)])
def test_shapes(shape: tuple[int, ...]) -> None:
    base = torch.ones(shape)
    merged = add_terms(base, [Term(TaskVector(base, base + 1), 0.5)])
    assert torch.equal(merged, torch.full(shape, 1.5))


def test_without_terms_the_result_is_a_copy() -> None:
    base = tensor(9)
    merged = add_terms(base, [])
    assert torch.equal(merged, base)
    assert merged.data_ptr() != base.data_ptr()


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropped_infinities_leave_the_base(dtype: torch.dtype) -> None:
    base = torch.ones(2, dtype=dtype)
    expert = torch.tensor([float("inf"), 2], dtype=dtype)
    term = masked(TaskVector(base, expert), 0.5, torch.tensor([False, True]))
    assert add_terms(base, [term]).tolist() == [1, 1.5]


def test_kept_infinities_stay() -> None:
    base, expert = torch.ones(2), torch.tensor([float("-inf"), 2])
    assert add_terms(base, [Term(TaskVector(base, expert), 2.0)]).tolist() == [
        float("-inf"),
        3.0,
    ]


def test_rounds_once() -> None:
    # 1 + 0.00390625/2 + 0.00390625/2: each half alone is lost in bf16
    base = torch.ones(1, dtype=torch.bfloat16)
    expert = torch.tensor([1.0078125], dtype=torch.bfloat16)
    terms = [Term(TaskVector(base, expert), 0.45), Term(TaskVector(base, expert), 0.45)]
    assert add_terms(base, terms).item() == 1.0078125
    assert add_terms(base, terms[:1]).item() == 1.0


def test_mixed_precisions_are_summed_in_the_widest() -> None:
    base, expert = torch.zeros(1), torch.tensor([1e-9], dtype=torch.float64)
    large = torch.tensor([1.0])
    terms = [
        Term(TaskVector(base, large), 1.0),
        Term(TaskVector(base, expert), 1.0),
        Term(TaskVector(base, -large), 1.0),
    ]
    assert add_terms(base, terms).item() == pytest.approx(1e-9, rel=1e-6)


def test_records_no_gradient() -> None:
    base = torch.zeros(3, requires_grad=True)
    merged = add_terms(base, [Term(TaskVector(base, torch.ones(3)), 1.0)])
    assert not merged.requires_grad


def test_refuses_nan() -> None:
    base, expert = torch.zeros(3), torch.tensor([0, 0, float("nan")])
    with pytest.raises(InputError, match="element 2 is NaN"):
        add_terms(base, [Term(TaskVector(base, expert), 1.0)], 2)


@pytest.mark.parametrize(
    ("weights", "lambda_", "normalize", "expected"),
    [
        ([0.5, 1.5], 1.0, False, [0.5, 1.5]),
        ([0.5, 1.5], 3.0, False, [1.5, 4.5]),
        ([0.5, 1.5], 3.0, True, [0.75, 2.25]),
        ([1.0, -1.0], 1.0, True, [1.0, -1.0]),
        ([], 1.0, True, []),
    ],
)
def test_coefficients(
    weights: list[float], lambda_: float, normalize: bool, expected: list[float]
) -> None:
    assert coefficients(weights, lambda_=lambda_, normalize=normalize) == expected
