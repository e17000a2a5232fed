"""Scores of columns, and sums with factors of columns: every backend, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_merges import BF16, F16, F32, F64, normal, same_bits

from mergekit_ext.errors import InputError
from mergekit_ext.kernels import column_scores, reference
from mergekit_ext.kernels.column_merge import merge_columns
from mergekit_ext.kernels.column_scores import torch_sums
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, Term


SHAPES = [(1, 1), (3, 5), (255, 7), (256, 4), (257, 33), (600, 3), (2, 700)]
COMPILED = [False, pytest.param(True, marks=pytest.mark.slow)]


def merge(
    shape: tuple[int, ...], dtype: torch.dtype = F32, count: int = 2, seed: int = 0
) -> Merge:
    """Return a merge in which some columns are the base's in the first expert."""
    size = int(np.prod(shape))
    base = normal(size, seed).view(shape)
    experts = [base + normal(size, seed + k + 1, 0.1).view(shape) for k in range(count)]
    experts[0][..., ::3] = base[..., ::3]
    base, *experts = (one.to(dtype) for one in (base, *experts))
    terms = tuple(Term(Input(one, f"e{k}"), 1.0) for k, one in enumerate(experts))
    return Merge("w", Input(base, "base"), terms)


def loops(compiled: bool) -> Callable[..., torch.Tensor]:
    if not compiled:
        return torch_sums
    pytest.importorskip("numba", reason="NO NUMBA: the compiled loops are not tested")
    from mergekit_ext.kernels.compiled import numba_columns

    return numba_columns.sums


def wanted_scores(what: Merge, t: float, of_rows: bool) -> np.ndarray:
    base, *experts = (one.tensor.t() if of_rows else one.tensor for one in what.inputs)
    return np.array(reference.widen_scores(base, experts, t))


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("of_rows", [False, True])
@pytest.mark.parametrize("dtype", [F32, BF16, F16])
@pytest.mark.parametrize("shape", SHAPES)
def test_is_the_reference(
    shape: tuple[int, int], dtype: torch.dtype, of_rows: bool, compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(column_scores, "_BLOCK", 500)
    what = merge(shape, dtype)
    scores = column_scores.column_scores(
        what, 1.0, of_rows=of_rows, sums=loops(compiled)
    )
    assert np.array_equal(scores, wanted_scores(what, 1.0, of_rows))
    factors = np.array([[0.7], [0.3]]) * scores
    merged = merge_columns(what, factors, of_rows=of_rows, compiled=compiled)
    base, *experts = (one.tensor.float() for one in what.inputs)
    total = torch.zeros_like(base)
    for expert, factor in zip(experts, torch.from_numpy(factors).float(), strict=True):
        total = total + (expert - base) * (factor[:, None] if of_rows else factor)
    assert same_bits(merged, (base + total).to(dtype))


@pytest.mark.parametrize("kind", ["double", "mixed", "strided"])
def test_other_tensors_are_for_plain_torch(kind: str) -> None:
    what = merge((300, 9), F64 if kind == "double" else F32)
    if kind != "double":
        base, one, two = (each.tensor for each in what.inputs)
        one = one.bfloat16() if kind == "mixed" else one.t().contiguous().t()
        terms = (Term(Input(one, "one"), 1.0), Term(Input(two, "two"), 1.0))
        what = Merge("w", Input(base, "base"), terms)
    scores = column_scores.column_scores(what, 1.0)
    assert np.array_equal(scores, wanted_scores(what, 1.0, False))
    merge_columns(what, scores)
    from mergekit_ext.kernels.compiled import numba_columns

    assert not numba_columns.supports(what)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
def test_large_ones_are_compiled_and_threads_change_no_bit(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba", reason="NO NUMBA: the compiled loops are not tested")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    what = merge((1300, 1001), BF16)
    assert column_scores.can_compile(what)
    for of_rows in (False, True):
        one = column_scores.column_scores(what, 0.9, of_rows=of_rows)
        other = column_scores.column_scores(what, 0.9, of_rows=of_rows, sums=torch_sums)
        assert np.array_equal(one, other)
        merged = merge_columns(what, one, of_rows=of_rows)
        assert same_bits(
            merged, merge_columns(what, one, of_rows=of_rows, compiled=False)
        )


@given(
    st.integers(1, 6), st.integers(1, 30), st.integers(1, 3), st.floats(0, 2),
    st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60)
def test_is_the_reference_for_any_threshold(
    rows: int, columns: int, count: int, t: float, seed: int
) -> None:
    what = merge((rows, columns), F32, count, seed)
    scores = column_scores.column_scores(what, t)
    assert np.array_equal(scores, wanted_scores(what, t, False))
    assert bool(((scores > 0) & (scores <= 1)).all())


@given(st.integers(1, 70), st.integers(1, 3), st.floats(0, 2), st.integers(0, 99))
@settings(max_examples=60)
def test_vectors_have_no_ranks(size: int, count: int, t: float, seed: int) -> None:
    what = merge((size,), F32, count, seed)
    scores = column_scores.column_scores(what, t)
    assert np.array_equal(scores, wanted_scores(what, t, False))


def test_columns_of_zeros_and_columns_that_have_not_changed() -> None:
    base = torch.tensor([[3.0, 0.0, 0.0, 1.0], [4.0, 0.0, 0.0, 1.0]])
    expert = torch.tensor([[3.0, 0.0, 5.0, -1.0], [4.0, 0.0, 0.0, -1.0]])
    start, norm, product = torch_sums(base, [expert], False).numpy()
    turn = column_scores._turn(product, norm, start)
    assert turn.tolist() == [0.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("shape", [(5, 4), (5,)])
@pytest.mark.parametrize("whose", [0, 1, 2])
def test_what_is_no_number_is_named(
    whose: int, shape: tuple[int, ...], value: float
) -> None:
    what = merge(shape)
    what.inputs[whose].tensor.view(-1)[3] = value
    with pytest.raises(InputError, match=f"'w'.*'{('base', 'e0', 'e1')[whose]}'"):
        column_scores.column_scores(what, 1.0)


@pytest.mark.parametrize("compiled", COMPILED)
def test_sums_that_overflow_are_refused(compiled: bool) -> None:
    what: Any = merge((3, 4))
    what.inputs[0].tensor.zero_()
    what.inputs[1].tensor.fill_(-3e38)
    what.inputs[2].tensor.fill_(3e38)
    with pytest.raises(InputError, match="the sum overflows"):
        merge_columns(what, np.full((2, 4), 3.0), compiled=compiled)
