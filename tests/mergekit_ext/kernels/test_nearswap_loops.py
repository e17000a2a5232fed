"""NearSwap: each backend against the reference, bit for bit."""

from __future__ import annotations

import pytest
import torch
from made_merges import BF16, F16, F32, F64, normal, same_bits

from mergekit_ext.kernels import backends, reference
from mergekit_ext.kernels.backends import Backend, nearswap
from mergekit_ext.kernels.tensors import Input


SIZES = [0, 1, 63, 4097, (1 << 18) + 5]
TS = [-1.0, 0.0, 1e-7, 1e-3, 0.03, 1.0, 1e30]
MIXED = [(F64, F64), (BF16, F32), (F32, F16), (F16, F64)]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("poison")]


def pair(size: int, one: torch.dtype, two: torch.dtype) -> list[torch.Tensor]:
    base = normal(size)
    # as far apart as the values are large, so that a last bit of the share shows
    other = torch.where(
        normal(size, 2) > 0, base + normal(size, 1, 0.1), normal(size, 3)
    )
    other[::7] = base[::7]
    return [base.to(one), other.to(two)]


def swap(
    base: torch.Tensor, other: torch.Tensor, t: float, backend: Backend | None = None
) -> torch.Tensor:
    return nearswap("w", Input(base, "b"), Input(other, "o"), t, backend)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_is_the_reference(dtype: torch.dtype, size: int, backend: Backend) -> None:
    base, other = pair(size, dtype, dtype)
    for t in TS:
        expected = reference.nearswap(base, other, t)
        assert same_bits(swap(base, other, t, backend), expected)


@pytest.mark.parametrize("dtypes", MIXED, ids=str)
def test_other_dtypes_are_for_plain_torch(
    dtypes: tuple[torch.dtype, torch.dtype],
) -> None:
    base, other = pair(4097, *dtypes)
    for t in TS:
        expected = reference.nearswap(base, other, t)
        assert same_bits(swap(base, other, t, backends.TORCH), expected)


@pytest.mark.parametrize("dtypes", [(F32, BF16), (BF16, F32), (F32, F32)], ids=str)
def test_large_tensors_of_any_kind(dtypes: tuple[torch.dtype, torch.dtype]) -> None:
    base, other = pair(1 << 20, *dtypes)
    assert same_bits(swap(base, other, 0.03), reference.nearswap(base, other, 0.03))
    one, two = base.view(1 << 10, -1), other.view(1 << 10, -1).t()
    assert same_bits(swap(one, two, 0.03), reference.nearswap(one, two, 0.03))


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba", reason="NO NUMBA: its threads are not tested")
    monkeypatch.setattr("mergekit_ext.kernels.tensors._SPAN", 4096)
    base, other = pair(30_011, BF16, BF16)
    expected = reference.nearswap(base, other, 0.03)
    for threads in (1, 2, 3, 7):
        backend = backends.numba_backend(threads)
        assert same_bits(swap(base, other, 0.03, backend), expected)


def test_what_is_near_is_swapped(backend: Backend) -> None:
    base = torch.tensor([0.0, 0.0, 0.0, 1.0])
    other = torch.tensor([1.0, 0.25, -4.0, 1.0])
    assert swap(base, other, 0.5, backend).tolist() == [0.5, 0.25, -0.5, 1.0]
    assert torch.equal(swap(base, other, 9.0, backend), other)
    assert torch.equal(swap(base, other, 0.0, backend), base)
    assert torch.equal(swap(base, other, -0.5, backend), base)


def test_the_inputs_are_left_alone(backend: Backend) -> None:
    base, other = pair(4097, F32, F32)
    copies = base.clone(), other.clone()
    wanted = base.requires_grad_()
    merged = swap(wanted, other, 0.03, backend)
    assert not merged.requires_grad
    assert torch.equal(base, copies[0])
    assert torch.equal(other, copies[1])
