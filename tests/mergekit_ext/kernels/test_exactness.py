"""Every backend against the short reference, bit for bit: sizes, dtypes, shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from made_merges import BF16, F16, F32, F64, check, family, merge_of

from mergekit_ext.kernels import backends
from mergekit_ext.kernels.backends import Backend, merge_terms
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge


TABLE = "merges"
SIZES = [0, 1, 3, 63, 4095, 4097]
LARGE = [2**15 - 1, 2**15, 2**15 + 1, 300_007]
# a row of every way to keep, with an election and without
FEW: list[dict[str, Any]] = [
    {"weights": [0.4, 0.6], "keep": [["band", 0.6, 0.01]]},
    {
        "weights": [0.3, -0.9],
        "keep": [["band", 0.2, 0.3], ["drop", "5eed", 0.4]],
        "elect": True,
        "normalize": True,
        "rescale": True,
    },
]
MIXED = [(BF16, F32, F16), (F16, BF16, BF16), (F32, F64, BF16), (F64, F16, F32)]

pytestmark = pytest.mark.usefixtures("poison")


def names(dtypes: Any) -> str:
    return "-".join(str(dtype).removeprefix("torch.") for dtype in dtypes)


@pytest.mark.parametrize("dtype", [BF16, F16, F32])
def test_is_the_reference(
    case: dict[str, Any], dtype: torch.dtype, backend: Backend
) -> None:
    for size in SIZES:
        check(merge_of(family(size, *[dtype] * 6), case), backend)


@pytest.mark.parametrize("dtypes", [(F64,) * 3, *MIXED], ids=names)
def test_other_dtypes_are_for_plain_torch(
    case: dict[str, Any], dtypes: tuple[torch.dtype, ...]
) -> None:
    for size in SIZES:
        check(merge_of(family(size, *dtypes), case), backends.TORCH)


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("dtype", [BF16, F16, F32])
@pytest.mark.parametrize("row", FEW, ids=["one by one", "elected"])
def test_more_than_a_block(
    row: dict[str, Any], dtype: torch.dtype, size: int, backend: Backend
) -> None:
    check(merge_of(family(size, dtype, dtype, dtype), row), backend)


@pytest.mark.parametrize("row", FEW, ids=["one by one", "elected"])
def test_more_than_a_block_in_double_precision(row: dict[str, Any]) -> None:
    check(merge_of(family(300_007, F64, F64, F64), row), backends.TORCH)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [BF16, F16, F32])
@pytest.mark.parametrize("row", FEW, ids=["one by one", "elected"])
def test_five_million(
    row: dict[str, Any], dtype: torch.dtype, backend: Backend
) -> None:
    check(merge_of(family(5_000_017, dtype, dtype, dtype), row), backend)


@pytest.mark.slow
def test_five_million_in_double_precision() -> None:
    check(merge_of(family(5_000_017, F64, F64, F64), FEW[1]), backends.TORCH)


def strided(tensor: torch.Tensor, kind: str) -> torch.Tensor:
    """Return the first 4,080 elements with strides of their own."""
    rows = tensor[:4080].view(60, 68)
    views = {
        "transposed": rows.t().contiguous().t(),
        "every second": rows.repeat_interleave(2, 1)[:, ::2],
        "permuted": rows.view(5, 12, 68).permute(2, 0, 1),
        "expanded": rows[:, :1].expand(60, 68),
        "a scalar": rows[0, :1].expand(60, 68),
    }
    return views[kind]


@pytest.mark.parametrize(
    "kind", ["transposed", "every second", "permuted", "expanded", "a scalar"]
)
@pytest.mark.parametrize("row", FEW, ids=["one by one", "elected"])
def test_strides(
    row: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergekit_ext.kernels.torch_passes._CPU_BLOCK", 1000)
    tensors = family(4097, BF16, BF16, BF16)
    views = [strided(tensor, kind) for tensor in tensors]
    assert not any(view.is_contiguous() for view in views)
    check(merge_of(views, row), backends.TORCH)
    plain = views[0].contiguous()
    check(merge_of([plain, *views[1:]], row), backends.TORCH)
    check(
        merge_of([views[0], *(v.contiguous() for v in views[1:])], row), backends.TORCH
    )


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3, 4), (1, 5)])
def test_shapes(shape: tuple[int, ...], backend: Backend) -> None:
    base, *experts = (torch.full(shape, value) for value in (1.0, 2.0, 4.0))
    for row in FEW:
        check(merge_of([base, *experts], row), backend)
    whole = merge_of([base, *experts], {"weights": [0.5, 0.25]})
    assert torch.equal(merge_terms(whole, backend), torch.full(shape, 2.25))


@pytest.mark.parametrize("row", FEW, ids=["one by one", "elected"])
def test_gradients_are_not_recorded(row: dict[str, Any], backend: Backend) -> None:
    tensors = family(4097, F32, F32, F32)
    wanted = [tensor.clone().requires_grad_() for tensor in tensors]
    check(merge_of(wanted, row), backend)
    check(merge_of([tensors[0], *wanted[1:]], row), backend)


def test_the_inputs_are_left_alone(case: dict[str, Any], backend: Backend) -> None:
    tensors = family(4097, F32, F32, F32)
    copies = [tensor.clone() for tensor in tensors]
    merged = merge_terms(merge_of(tensors, case), backend)
    assert all(map(torch.equal, tensors, copies))
    assert merged.data_ptr() not in {tensor.data_ptr() for tensor in tensors}


@pytest.mark.parametrize("options", [{}, {"elect": True, "normalize": True}])
def test_without_experts_the_base_is_copied(
    options: dict[str, bool], backend: Backend
) -> None:
    (base,) = family(4097, F32)
    what = Merge("w", Input(base, "base"), (), **options)
    check(what, backend)
    assert torch.equal(merge_terms(what, backend), base)


def test_one_tensor_may_be_base_and_expert(backend: Backend) -> None:
    (base,) = family(4097, BF16)
    check(merge_of([base, base], {"weights": [3.0, 1.0], **FEW[1]}), backend)
