"""Every backend against the reference where floats are awkward: bits, not values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from made_merges import BF16, F16, F32, F64, check, merge_of, normal

from mergekit_ext.kernels import backends
from mergekit_ext.kernels.backends import Backend, merge_terms


pytestmark = pytest.mark.slow

SIZE = 4097
INF = float("inf")
ROWS: dict[str, dict[str, Any]] = {
    "breadcrumbs": {"weights": [0.75, 1.5], "keep": [["band", 0.6, 0.1]]},
    "ties": {
        "weights": [0.75, 1.5],
        "keep": [["band", 0.3, 0.0]],
        "elect": True,
        "normalize": True,
        "rescale": True,
    },
    "dare": {"weights": [0.75, 1.5], "keep": [["drop", "abc", 0.5]], "scale": 2.0},
    "mean": {"weights": [0.75, 1.5], "base": False, "normalize": True},
}
Data = Callable[[torch.dtype], list[torch.Tensor]]


def picked(values: list[float], dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(len(values), (SIZE,), generator=generator)
    return torch.tensor(values, dtype=F64)[places].to(dtype)


def units(dtype: torch.dtype) -> list[float]:
    """Return multiples of the smallest subnormal and around the smallest normal."""
    found = torch.finfo(dtype)
    tiny = found.smallest_normal * found.eps
    return [0.0, -0.0, tiny, -tiny, 3 * tiny, -5 * tiny, found.smallest_normal - tiny]


def finite(dtype: torch.dtype) -> list[torch.Tensor]:
    return [normal(SIZE, k).to(dtype) for k in range(3)]


def with_infinities(dtype: torch.dtype) -> list[torch.Tensor]:
    base, one, two = finite(dtype)
    one[::97], two[::89], two[3] = INF, -INF, INF
    two[::97] = INF
    return [base, one, two.where(~(one.isinf() & (two == -INF)), INF)]


def huge(dtype: torch.dtype) -> list[torch.Tensor]:
    top = torch.finfo(dtype).max
    base = picked([0.5 * top, 0.25 * top], dtype)
    return [base, *(picked([0.6 * top, top, 0.75 * top], dtype, k) for k in (1, 2))]


def neighbours(dtype: torch.dtype) -> list[torch.Tensor]:
    """Return magnitudes that follow each other, across the edges of bins."""
    bits = 0x3F7FFF00 + torch.randperm(SIZE, generator=torch.Generator().manual_seed(0))
    values = (bits.int().view(F32) * normal(SIZE).sign()).to(dtype)
    return [torch.zeros(SIZE, dtype=dtype), values, values.flip(0)]


def zero_base(values: Callable[[], torch.Tensor]) -> Data:
    def data(dtype: torch.dtype) -> list[torch.Tensor]:
        found = values().to(dtype)
        return [torch.zeros(SIZE, dtype=dtype), found, -found.flip(0)]

    return data


DATA: dict[str, Data] = {
    "all equal": zero_base(lambda: torch.full((SIZE,), 0.375)),
    "nothing but zeros": zero_base(lambda: torch.zeros(SIZE)),
    "zeros of both signs": lambda d: [picked([0.0, -0.0], d, k) for k in range(3)],
    "subnormals": lambda d: [picked(units(d), d, k) for k in range(3)],
    "subnormals, no base": lambda d: [
        torch.zeros(SIZE, dtype=d) * -1,
        *(picked(units(d), d, k) for k in (1, 2)),
    ],
    "infinite experts": with_infinities,
    "huge": huge,
    "two magnitudes": zero_base(lambda: picked([0.5, -0.5, 1.0], F32)),
    "few magnitudes": zero_base(lambda: picked([0, 0, 1, -1, 2, -2, 3, 0.5], F32)),
    "sorted": zero_base(lambda: torch.arange(SIZE) * 2.0**-12),
    "reversed": zero_base(lambda: torch.arange(SIZE).flip(0) * 2.0**-12),
    "neighbours": neighbours,
}


def backends_for(dtype: torch.dtype) -> list[Backend]:
    if dtype == F64:
        return [backends.TORCH]
    return [backends.TORCH, *_numba()]


def _numba() -> list[Backend]:
    try:
        return [backends.numba_backend(1)]
    except ImportError:  # test_exactness says it loudly
        return []


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize("dtype", [BF16, F16, F32, F64], ids=str)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("data", DATA)
def test_bits(data: str, row: str, dtype: torch.dtype) -> None:
    tensors = DATA[data](dtype)
    for backend in backends_for(dtype):
        check(merge_of(tensors, ROWS[row]), backend)


def test_the_data_are_what_they_say() -> None:
    for dtype in (BF16, F16, F32):
        assert all(t.isinf().any() for t in with_infinities(dtype)[1:])
        (smallest,) = {abs(v) for v in units(dtype)[2:4]}
        assert 0 < float(torch.tensor(smallest, dtype=dtype)) == smallest
        whole = merge_of(huge(dtype), {"weights": [1.5, 1.5]})
        merged = merge_terms(whole, backends.TORCH)
        assert merged.isinf().any()
        assert merged.isfinite().any()


@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_a_dropped_infinity_is_zero(dtype: torch.dtype, backend: Backend) -> None:
    base, expert = torch.ones(4), torch.tensor([INF, 2.0, -INF, 3.0])
    row = {"weights": [0.5], "keep": [["band", 0.5, 0.5]]}
    merged = merge_terms(merge_of([base.to(dtype), expert.to(dtype)], row), backend)
    assert merged.tolist() == [1.0, 1.5, 1.0, 2.0]


@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_a_kept_infinity_stays(dtype: torch.dtype, backend: Backend) -> None:
    base, expert = torch.ones(3), torch.tensor([INF, 2.0, -INF])
    what = merge_of([base.to(dtype), expert.to(dtype)], {"weights": [-0.5]})
    assert merge_terms(what, backend).tolist() == [-INF, 0.5, INF]


@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_an_infinite_base_stays(dtype: torch.dtype, backend: Backend) -> None:
    tensors = finite(dtype)
    tensors[0][5], tensors[0][7] = INF, -INF
    what = merge_of(tensors, ROWS["breadcrumbs"])
    check(what, backend)
    assert merge_terms(what, backend)[[5, 7]].tolist() == [INF, -INF]


def test_an_election_passes_over_what_is_no_number(backend: Backend) -> None:
    # 0 times infinity stands neither above nor below 0
    infinite, ones = torch.tensor([INF, 1.0]), torch.ones(2)
    row = {"weights": [0.0, 1.0], "elect": True, "normalize": True}
    check(merge_of([torch.zeros(2), infinite, ones], row), backend)


def test_an_election_between_infinities(backend: Backend) -> None:
    # their sum is no number and so not 0 or more: the negative one is elected
    tensors = [torch.zeros(2), torch.tensor([INF, 1.0]), torch.tensor([-INF, 1.0])]
    what = merge_of(tensors, {"weights": [1.0, 1.0], "elect": True})
    check(what, backend)
    assert merge_terms(what, backend).tolist() == [-INF, 2.0]
