"""Task vectors: slices of any strides, dtypes, and what is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.errors import InputError
from mergekit_ext.kernels.deltas import TaskVector, chunks, flat_slice


INF, NAN = float("inf"), float("nan")


def _strided() -> list[torch.Tensor]:
    block = torch.arange(2.0 * 3 * 4 * 5).view(2, 3, 4, 5)
    return [
        block,
        block.transpose(0, 3),
        block[:, ::2, 1:, ::3],
        block.permute(2, 0, 3, 1),
        block[:, :1].expand(2, 3, 4, 5),
        block.view(1, 120).t(),
        block.flatten()[::7],
    ]


@pytest.mark.parametrize("tensor", _strided(), ids=lambda t: str(t.stride()))
def test_any_slice_of_any_strides(tensor: torch.Tensor) -> None:
    flat = tensor.reshape(-1)
    for start in range(0, len(flat), 3):
        for stop in range(start + 1, len(flat) + 1, 5):
            assert torch.equal(flat_slice(tensor, start, stop), flat[start:stop])


def test_a_slice_of_a_contiguous_tensor_is_a_view() -> None:
    tensor = torch.zeros(4, 4)
    assert flat_slice(tensor, 3, 9).data_ptr() == tensor.data_ptr() + 12


def test_a_single_value_has_one_element() -> None:
    assert flat_slice(torch.tensor(3.0), 0, 1).tolist() == [3.0]


@given(st.integers(0, 100), st.integers(1, 120))
@settings(max_examples=50, deadline=None)
def test_chunks_cover_each_element_once(numel: int, size: int) -> None:
    runs = list(chunks(numel, torch.device("cpu"), size))
    covered = [index for start, stop in runs for index in range(start, stop)]
    assert covered == list(range(numel))


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((torch.bfloat16, torch.bfloat16), torch.float32),
        ((torch.float16, torch.float32), torch.float32),
        ((torch.float32, torch.float64), torch.float64),
    ],
)
def test_is_computed_in_single_or_double(
    dtypes: tuple[torch.dtype, torch.dtype], expected: torch.dtype
) -> None:
    base, expert = (torch.ones(3, dtype=dtype) for dtype in dtypes)
    assert TaskVector(base, expert).chunk(0, 3).dtype == expected


def test_the_inputs_are_left_alone() -> None:
    base, expert = torch.zeros(3), torch.ones(3)
    TaskVector(base, expert).chunk(0, 3).add_(7)
    assert base.tolist() == [0, 0, 0]
    assert expert.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("base", "expert", "message"),
    [
        ([0, 0], [0, NAN], "element 3 is NaN in 'galician'"),
        ([0, NAN], [0, 0], "element 3 is NaN in 'llama'"),
        ([NAN, 0], [NAN, 0], "element 2 is NaN in 'llama' and 'galician'"),
        ([0, -INF], [0, -INF], "element 3 is the same infinity in 'llama' and"),
    ],
)
def test_not_a_number_is_located(
    base: list[float], expert: list[float], message: str
) -> None:
    one, two = (torch.tensor([0.0, 0.0, *values]) for values in (base, expert))
    vector = TaskVector(one, two, "w", "galician", "llama")
    vector.chunk(0, 2)
    with pytest.raises(InputError, match=f"'w', {message}"):
        vector.chunk(2, 4)


def test_opposite_infinities_are_numbers() -> None:
    vector = TaskVector(torch.zeros(2), torch.tensor([INF, -INF]))
    assert vector.chunk(0, 2).tolist() == [INF, -INF]


@pytest.mark.parametrize(
    ("base", "expert", "message"),
    [
        (torch.zeros(2), torch.zeros(3), r"shape \(2,\) in 'base' but \(3,\)"),
        (torch.zeros(2), torch.zeros(2).int(), "of 'expert' is torch.int32"),
        (torch.zeros(2), torch.zeros(2, device="meta"), "on cpu .* but on meta"),
    ],
)
def test_inputs_that_do_not_fit(
    base: torch.Tensor, expert: torch.Tensor, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        TaskVector(base, expert)
