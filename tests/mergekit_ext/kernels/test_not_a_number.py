"""What is no number is an error that says which tensor, element and model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from made_merges import BF16, F16, F32, F64, merge_of, normal

from mergekit_ext.errors import InputError
from mergekit_ext.kernels import backends
from mergekit_ext.kernels.backends import Backend, merge_terms, nearswap
from mergekit_ext.kernels.tensors import Input


SIZE = 4097
INF, NAN = float("inf"), float("nan")
ROWS: dict[str, dict[str, Any]] = {
    "whole": {"weights": [0.5, 0.25]},
    "nothing kept": {"weights": [0.5, 0.25], "keep": [["band", 0.0, 0.0]]},
    "a middle": {"weights": [0.5, 0.25], "keep": [["band", 0.3, 0.2]], "rescale": True},
    "elected": {"weights": [0.5, 0.25], "keep": [["band", 0.3, 0.0]], "elect": True},
    "nothing drawn": {"weights": [0.5, 0.25], "keep": [["drop", "0", 0.0]]},
    "drawn": {"weights": [0.5, 0.25], "keep": [["drop", "0", 0.5]], "elect": True},
    "weightless": {"weights": [0.0, 0.0], "elect": True, "normalize": True},
}
NAMES = ["base", "e0", "e1"]


def spoilt(dtype: torch.dtype, which: int, place: int) -> list[torch.Tensor]:
    tensors = [normal(SIZE, k).to(dtype) for k in range(3)]
    tensors[which][place] = NAN
    return tensors


def check(
    tensors: list[torch.Tensor], row: str, message: str, backend: Backend
) -> None:
    with pytest.raises(InputError, match=message):
        merge_terms(merge_of(tensors, ROWS[row]), backend)


@pytest.mark.parametrize("place", [0, 2047, SIZE - 1])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_is_located(
    dtype: torch.dtype, row: str, which: int, place: int, backend: Backend
) -> None:
    message = f"^Tensor 'w', element {place} is NaN in '{NAMES[which]}'. A merge would"
    check(spoilt(dtype, which, place), row, message, backend)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_is_located_in_double_precision(which: int, row: str) -> None:
    message = f"'w', element 99 is NaN in '{NAMES[which]}'"
    check(spoilt(F64, which, 99), row, message, backends.TORCH)


@pytest.mark.parametrize("row", ROWS)
def test_is_located_in_row_major_order(row: str) -> None:
    tensors = [t[:4096].view(64, 64) for t in spoilt(BF16, 2, 7)]
    tensors[2] = tensors[2].t()
    assert not tensors[2].is_contiguous()
    check(tensors, row, f"element {7 * 64} is NaN in 'e1'", backends.TORCH)


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FC00000, -1, 0x7FFFFFFF - (1 << 32)])
@pytest.mark.parametrize("row", ROWS)
def test_any_bits_of_nan(row: str, bits: int, backend: Backend) -> None:
    tensors = [normal(SIZE, k) for k in range(3)]
    tensors[1].view(torch.int32)[5] = bits if bits >= -(2**31) else bits + 2**32
    check(tensors, row, "element 5 is NaN in 'e0'", backend)


def test_is_located_in_later_chunks(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergekit_ext.kernels.tensors._CHUNK", 1000)
    check(spoilt(BF16, 2, 3070), "whole", "element 3070 is NaN in 'e1'", backend)


def test_where_sampling_and_threads_are_at_work(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergekit_ext.kernels.blockwise.WORTH_SAMPLING", 4096)
    monkeypatch.setattr("mergekit_ext.kernels.tensors._SPAN", 1024)
    for row in ROWS:
        check(spoilt(BF16, 1, SIZE - 1), row, "element 4096 is NaN in 'e0'", backend)


def filled(*values: float) -> list[torch.Tensor]:
    return [torch.full((9,), float(value)) for value in values]


MEETING: list[tuple[list[torch.Tensor], dict[str, Any], str]] = [
    (filled(INF, INF, 0), {"weights": [1.0]}, "infinities in 'base' and 'e0', so"),
    (filled(INF, 0, 0), {"weights": [1.0]}, "infinities in 'base', so"),
    (filled(0, INF, -INF), {"weights": [1.0, 1.0]}, "infinities in 'e0' and 'e1'"),
    (filled(0, INF, 1), {"weights": [0.0, 1.0]}, "infinities in 'e0', so"),
    (
        filled(0, 3e38, 3e38),
        {"weights": [9.0, -9.0]},
        "overflows for 'base' and 'e0' and",
    ),
    (
        filled(-3e38, 3e38, 1),
        {"weights": [0.0]},
        "the sum overflows for 'base' and 'e0'",
    ),
    (
        filled(INF, INF, 0),
        {"weights": [1.0], "keep": [["band", 0.0, 0.0]]},
        "infinities in 'base' and 'e0', so",
    ),
]


@pytest.mark.parametrize(("tensors", "row", "message"), MEETING)
def test_what_meets_is_named(
    tensors: list[torch.Tensor], row: dict[str, Any], message: str, backend: Backend
) -> None:
    with pytest.raises(InputError, match=rf"^Tensor 'w': .*{message}"):
        merge_terms(merge_of(tensors, row), backend)


def test_a_number_that_is_too_large_is_infinite(backend: Backend) -> None:
    what = merge_of(filled(0, 3e38, 3e38), {"weights": [1.0, 1.0]})
    assert merge_terms(what, backend).tolist() == [INF] * 9


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_nearswap_refuses_it(which: int, dtype: torch.dtype, backend: Backend) -> None:
    for t in (0.0, 1e-3, 1e9):
        base, other, _ = spoilt(dtype, which, 70)
        with pytest.raises(
            InputError, match=f"'w', element 70 is NaN in '{'bo'[which]}'"
        ):
            nearswap("w", Input(base, "b"), Input(other, "o"), t, backend)


@pytest.mark.parametrize(
    ("base", "other"), [(INF, INF), (INF, -INF), (0.0, INF)], ids=str
)
def test_nearswap_names_infinities(base: float, other: float, backend: Backend) -> None:
    one, two = filled(base, other)
    with pytest.raises(InputError, match=r"infinities in .*'o', so"):
        nearswap("w", Input(one, "b"), Input(two, "o"), 0.1, backend)
