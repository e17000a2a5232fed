"""The kept band against a stable sort, at every size and with every kind of tie."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.errors import InputError
from mergekit_ext.kernels import order_statistics, reference
from mergekit_ext.kernels.deltas import CPU_CHUNK, TaskVector, chunks


TABLE = "deltas"

# few magnitudes, so that ties are everywhere; and any float at all
tied_floats = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, 2.0, float("inf")])
any_floats = st.floats(width=32, allow_nan=False)
tensors = st.lists(st.one_of(tied_floats, any_floats), max_size=40)
shares = st.floats(0, 1)


def band_mask(
    delta: torch.Tensor, density: float, gamma: float, chunk: int | None = None
) -> torch.Tensor:
    vector = TaskVector(torch.zeros_like(delta), delta)
    band = order_statistics.kept_band(vector, density, gamma, chunk)
    pieces = [
        band.keep(start, vector.chunk(start, stop))
        for start, stop in chunks(delta.numel(), delta.device, chunk)
    ]
    return torch.cat([torch.zeros(0, dtype=torch.bool), *pieces])


def test_cases(case: dict[str, Any]) -> None:
    delta = torch.tensor([float(value) for value in case["deltas"]])
    shares = case["density"], case["gamma"]
    expected = torch.zeros(len(delta), dtype=torch.bool)
    expected[case["kept"]] = True
    assert torch.equal(reference.breadcrumbs_mask(delta, *shares), expected)
    for chunk in (None, 1, 2, 3):
        assert torch.equal(band_mask(delta, *shares, chunk), expected)


@given(tensors, shares, shares, st.integers(1, 50))
@settings(max_examples=120, deadline=None)
def test_is_a_stable_sort(
    values: list[float], density: float, gamma: float, chunk: int
) -> None:
    delta = torch.tensor(values, dtype=torch.float32)
    mask = band_mask(delta, density, gamma, chunk)
    assert torch.equal(mask, reference.breadcrumbs_mask(delta, density, gamma))
    expected = len(values) if density == 1 else int(density * len(values))
    assert int(mask.sum()) == expected


@pytest.mark.parametrize("size", [0, 1, 63, 4097, CPU_CHUNK + 4097])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("density", "gamma"), [(0.6, 0.01), (0.1, 0.0), (0.9, 0.5)])
def test_sizes_and_dtypes(
    size: int, dtype: torch.dtype, density: float, gamma: float
) -> None:
    generator = torch.Generator().manual_seed(size)
    # bf16 and fp16 give thousands of ties, zeros among them
    delta = torch.randn(size, generator=generator).mul_(1e-3).to(dtype)
    delta[::3] = 0
    expected = reference.breadcrumbs_mask(delta.float(), density, gamma)
    assert torch.equal(band_mask(delta, density, gamma), expected)


def test_chunks_do_not_change_a_tie_across_them() -> None:
    delta = torch.ones(1009)
    expected = reference.breadcrumbs_mask(delta, 0.37, 0.11)
    for chunk in (1, 64, 1000, 1008, 2000):
        assert torch.equal(band_mask(delta, 0.37, 0.11, chunk), expected)


def test_double_precision_is_ordered_in_single() -> None:
    delta = torch.tensor([1.0, 1.0 + 1e-12, 1e300, 1e-300], dtype=torch.float64)
    expected = reference.breadcrumbs_mask(delta, 0.5, 0.25)
    assert expected.tolist() == [True, True, False, False]
    assert torch.equal(band_mask(delta, 0.5, 0.25), expected)


@given(st.lists(any_floats, min_size=2, max_size=2))
@settings(max_examples=100, deadline=None)
def test_bits_are_ordered_as_magnitudes_are(values: list[float]) -> None:
    one, two = order_statistics.magnitude_bits(torch.tensor(values)).tolist()
    assert (one < two) == (abs(values[0]) < abs(values[1]))
    assert (one == two) == (abs(values[0]) == abs(values[1]))
    assert max(one, two) <= order_statistics.INFINITY_BITS


def test_refuses_what_is_not_a_number() -> None:
    vector = TaskVector(torch.zeros(3), torch.tensor([1.0, float("nan"), 2.0]), "t")
    with pytest.raises(InputError, match="'t', element 1 is NaN in 'expert'"):
        order_statistics.kept_band(vector, 0.5, 0.1)


def test_no_pass_is_made_where_nothing_is_to_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TaskVector, "chunk", None)
    vector = TaskVector(torch.zeros(9), torch.ones(9))
    everything = order_statistics.kept_band(vector, 1.0, 0.5)
    nothing = order_statistics.kept_band(vector, 0.0, 0.5)
    assert everything.upper == order_statistics.AFTER_ALL
    assert nothing.upper == order_statistics.BEFORE_ALL
