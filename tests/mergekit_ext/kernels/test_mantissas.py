"""Sums of magnitudes: exact, whatever the order."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_merges import BF16, F16, F32, F64, family, merge_of, normal

from mergekit_ext.kernels import mantissas, reference
from mergekit_ext.kernels.backends import TORCH, Backend
from mergekit_ext.kernels.blockwise import Blockwise


BANDED = {"weights": [1.0], "keep": [["band", 0.4, 0.1]], "rescale": True}
DROPPED = {"weights": [1.0], "keep": [["drop", "beef", 0.4]], "rescale": True}


def table_of(*pieces: torch.Tensor) -> torch.Tensor:
    table = torch.zeros(mantissas.EXPONENTS, dtype=torch.int64)
    for piece in pieces:
        mantissas.add_mantissas(piece, table)
    return table


def exact(values: torch.Tensor) -> Fraction:
    return sum((abs(Fraction(value)) for value in values.tolist()), Fraction(0))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
@settings(max_examples=300)
def test_is_the_exact_sum_rounded_once(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=F32)
    assert mantissas.total(table_of(tensor)) == float(exact(tensor))


@given(st.lists(st.floats(width=32, allow_nan=False)), st.randoms(), st.integers(0, 9))
def test_order_and_pieces_change_nothing(
    values: list[float], random: object, cut: int
) -> None:
    tensor = torch.tensor(values, dtype=F32)
    random.shuffle(values)  # type: ignore[attr-defined]
    shuffled = torch.tensor(values, dtype=F32)
    pieces = table_of(shuffled[:cut], shuffled[cut:])
    assert torch.equal(pieces, table_of(tensor))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0.0),
        ([-0.0, 0.0], 0.0),
        ([2.0**-149], 2.0**-149),
        ([2.0**-149] * 3 + [-(2.0**-126)], 3 * 2.0**-149 + 2.0**-126),
        ([1.0, 2.0**-30, -(2.0**-30)], 1 + 2.0**-29),
        ([3.4028234663852886e38] * 4, 4 * 3.4028234663852886e38),
        ([1.0, -math.inf], math.inf),
        # 2**53 + 1 lies between two floats, and the even one is below
        ([2.0**53, 1.0], 2.0**53),
        ([2.0**53, 1.0, 2.0**-140], 2.0**53 + 2),
    ],
)
def test_sums_by_hand(values: list[float], expected: float) -> None:
    assert mantissas.total(table_of(torch.tensor(values, dtype=F32))) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([3.0, -1.0], [1.0], 4.0),
        ([1.0], [], 1.0),
        ([1e-8], [1e-8], 1.0),
        ([2e-7, 2e-7], [2e-7], 2.0),
        ([2e-7], [0.9e-7], 1.0),
        ([math.inf, 1.0], [1.0], 1.0),
        ([math.inf], [math.inf], 1.0),
    ],
)
def test_ratios_by_hand(
    before: list[float], after: list[float], expected: float
) -> None:
    one, two = (table_of(torch.tensor(v, dtype=F32)) for v in (before, after))
    assert mantissas.ratio(one, two) == expected


@pytest.mark.parametrize("row", [BANDED, DROPPED], ids=["band", "dropout"])
@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
@pytest.mark.parametrize("size", [0, 1, 4097])
def test_ratios_are_the_reference(
    size: int, dtype: torch.dtype, row: dict[str, object], backend: Backend
) -> None:
    what = merge_of(family(size, dtype, dtype), row)
    assert backend.ratios(what) == [reference.ratio(what, what.terms[0])]


def test_ratios_of_double_precision_are_summed_in_single() -> None:
    what = merge_of(family(4097, F64, F64), BANDED)
    assert TORCH.ratios(what) == [reference.ratio(what, what.terms[0])]


def test_ratios_depend_on_no_thread(
    passes: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergekit_ext.kernels.tensors._SPAN", 4096)
    what = merge_of([normal(30_011), normal(30_011, 1)], BANDED)
    found = {Blockwise(what, passes, n).ratio(0) for n in (1, 2, 3, 7)}  # type: ignore[arg-type]
    assert found == {reference.ratio(what, what.terms[0])}


def test_only_what_is_to_be_rescaled_is_measured(backend: Backend) -> None:
    what = merge_of(family(63, F32, F32), BANDED | {"rescale": False})
    assert backend.ratios(what) == [1.0]
