"""What may be merged, how it is read, and what a merge's coefficients are."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_merges import BF16, F16, F32, F64

from mergekit_ext.errors import InputError
from mergekit_ext.kernels.backends import Backend, merge_terms, nearswap
from mergekit_ext.kernels.tensors import Input, chunks, flat_slice, work_dtype
from mergekit_ext.kernels.terms import Merge, Term


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
        block.flatten()[:1].expand(40),
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


def test_a_slice_of_a_strided_tensor_copies_no_more() -> None:
    tensor = torch.zeros(1000, 1000).t()
    assert flat_slice(tensor, 1500, 4500).untyped_storage().nbytes() == 4 * 3000


def test_a_single_value_has_one_element() -> None:
    assert flat_slice(torch.tensor(3.0), 0, 1).tolist() == [3.0]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 120))
def test_chunks_cover_each_element_once(start: int, more: int, size: int) -> None:
    runs = list(chunks(start, start + more, size))
    covered = [index for one, two in runs for index in range(one, two)]
    assert covered == list(range(start, start + more))
    assert all(two - one == size for one, two in runs[:-1])


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [((BF16,), F32), ((BF16, F16), F32), ((F16, F32), F32), ((F16, F64), F64)],
)
def test_is_computed_in_single_or_double(
    dtypes: tuple[torch.dtype, ...], expected: torch.dtype
) -> None:
    assert work_dtype([torch.ones(3, dtype=dtype) for dtype in dtypes]) == expected


ONES = torch.ones(2)
UNFIT = [
    (ONES, torch.zeros(3), r"'lm_head' has shape \(2,\) in 'eu' but \(3,\) in 'gl'"),
    (ONES, torch.zeros(1, 2), r"has shape \(2,\) in 'eu' but \(1, 2\) in 'gl'"),
    (ONES, ONES.int(), "'lm_head' of 'gl' is torch.int32; a merge takes torch.float16"),
    (ONES.bool(), ONES, "'lm_head' of 'eu' is torch.bool"),
    (ONES, ONES.to(torch.complex64), "'lm_head' of 'gl' is torch.complex64"),
    (ONES, ONES.to(torch.float8_e4m3fn), "'lm_head' of 'gl' is torch.float8_e4m3fn"),
    (ONES, torch.zeros(2, device="meta"), "on cpu for 'eu' but on meta for 'gl'"),
]


@pytest.mark.parametrize(("one", "two", "message"), UNFIT)
def test_inputs_that_do_not_fit(
    one: torch.Tensor, two: torch.Tensor, message: str
) -> None:
    first, second = Input(one, "eu"), Input(two, "gl")
    with pytest.raises(InputError, match=message):
        Merge("lm_head", first, (Term(second, 1.0),))
    with pytest.raises(InputError, match=message):
        Merge("lm_head", None, (Term(first, 1.0), Term(second, 1.0)))
    with pytest.raises(InputError, match=message):
        nearswap("lm_head", first, second, 0.1)


def coefficients(
    weights: list[float], base: bool = True, scale: float = 1.0, **options: object
) -> list[float]:
    terms = tuple(Term(Input(ONES, "e"), weight, None, scale) for weight in weights)
    start = Input(ONES, "b") if base else None
    return Merge("w", start, terms, **options).coefficients  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "options", "expected"),
    [
        ([0.5, 1.5], {}, [0.5, 1.5]),
        ([0.5, 1.5], {"factor": 3.0}, [1.5, 4.5]),
        ([0.5, 1.5], {"factor": 3.0, "normalize": True}, [0.75, 2.25]),
        ([0.5, 1.5], {"scale": 2.0, "normalize": True}, [0.5, 1.5]),
        ([1.0, -1.0], {"normalize": True}, [1.0, -1.0]),
        ([1.0, -1.0 + 9e-9], {"normalize": True}, [1.0, -1.0 + 9e-9]),
        ([1.0, -1.5], {"normalize": True}, [-2.0, 3.0]),
        ([0.5, 1.5], {"elect": True, "normalize": True, "factor": 3.0}, [0.5, 1.5]),
        ([0.5, 1.5], {"elect": True, "factor": 3.0}, [0.5, 1.5]),
        ([0.5, 1.5], {"elect": True, "scale": 2.0}, [1.0, 3.0]),
        ([1e308, 1e308], {}, [1e308, 1e308]),
        ([], {"normalize": True}, []),
    ],
)
def test_coefficients(
    weights: list[float], options: dict[str, object], expected: list[float]
) -> None:
    assert coefficients(weights, **options) == expected  # type: ignore[arg-type]


def test_a_further_scale_is_multiplied() -> None:
    terms = (Term(Input(ONES, "e"), 2.0, None, 3.0, rescale=True),)
    scaled = Merge("w", None, terms).with_scales([0.5])
    assert (scaled.terms[0].scale, scaled.terms[0].rescale) == (1.5, False)
    assert scaled.coefficients == [3.0]


def test_the_sum_of_the_weights_of_an_expert_has_no_scale(backend: Backend) -> None:
    # (2·1.5·4 + 1·1.5·1) / (2 + 1)
    terms = (
        Term(Input(ONES * 4, "a"), 2.0, None, 1.5),
        Term(Input(ONES, "b"), 1.0, None, 1.5),
    )
    for elect in (False, True):
        what = Merge("w", Input(ONES * 0, "0"), terms, elect=elect, normalize=True)
        assert merge_terms(what, backend).tolist() == [4.5, 4.5]
