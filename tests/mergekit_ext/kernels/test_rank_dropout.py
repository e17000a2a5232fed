"""Dropouts by rank within a row: what is kept, how often, and in any pieces."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_merges import BF16, F16, F32, check, expected, normal, same_bits

from mergekit_ext.kernels import reference
from mergekit_ext.kernels.backends import TORCH, Backend, merge_terms, pick
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Dropout, Merge, RankDropout, Term


pytestmark = pytest.mark.usefixtures("poison")


def merge(rows: int, length: int, dtype: torch.dtype = F32, **options: Any) -> Merge:
    """Return the merge of one expert, of which each third element is the base's."""
    base = normal(rows * length).to(dtype)
    expert = (base.float() + normal(rows * length, 1, 0.01)).to(dtype)
    expert[::3] = base[::3]
    given = {"key": 0xABC, "density": 0.5, "epsilon": 0.3, "rescale": True, **options}
    keep = RankDropout(row=length, **given)
    terms = (Term(Input(expert.view(rows, length), "e"), 0.7, keep),)
    return Merge("w", Input(base.view(rows, length), "base"), terms)


@pytest.mark.parametrize("dtype", [F32, BF16, F16])
@pytest.mark.parametrize(
    ("rows", "length"),
    [(0, 5), (1, 1), (3, 1), (7, 33), (5, 1023), (3, 1024), (2, 4097)],
)
def test_is_the_reference(
    rows: int, length: int, dtype: torch.dtype, backend: Backend
) -> None:
    check(merge(rows, length, dtype), backend)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "length"), [(301, 997), (9, 40_003), (1, 300_007)])
def test_more_than_a_block(rows: int, length: int, backend: Backend) -> None:
    check(merge(rows, length, BF16), backend)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block", [4, 128, 1 << 20])
def test_blocks_and_threads_change_no_bit(
    passes: Any, block: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergekit_ext.kernels.tensors._SPAN", 512)
    what = merge(37, 61, BF16)
    work = Blockwise(what, passes, threads)
    assert len(work.spans) == threads
    work.block = max(1, block // 244) * 244
    assert same_bits(work.merge()[0], expected(what))


def test_ties_are_ranked_by_their_index() -> None:
    difference = torch.tensor([2.0, -1.0, 1.0, 0.0, -0.0, 1.0])
    assert reference.row_ranks(difference, 6) == [5, 2, 3, 0, 1, 4]
    assert reference.row_ranks(difference, 3) == [2, 0, 1, 0, 1, 2]


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**64 - 1), st.booleans())
@settings(max_examples=60)
def test_is_the_reference_for_any_key(
    length: int, rows: int, key: int, rescale: bool
) -> None:
    check(merge(rows, length, key=key, rescale=rescale), TORCH)


def test_without_a_spread_it_is_a_dropout() -> None:
    ranked = merge(6, 100, density=0.25, epsilon=0.0)
    (term,) = ranked.terms
    plain = Term(term.expert, 0.7, Dropout(0xABC, 2**30), scale=4.0)
    assert torch.equal(
        merge_terms(ranked), merge_terms(Merge("w", ranked.base, (plain,)))
    )


@pytest.mark.slow
def test_probabilities_are_met() -> None:
    """Of 20,000 rows, the share that keeps each rank; five standard deviations."""
    rows, length = 20_000, 16
    expert = torch.arange(1.0, length + 1).expand(rows, length).contiguous()
    base = Input(torch.zeros(rows, length), "base")
    for rescale in (False, True):
        keep = RankDropout(0xFEED, length, 0.4, 0.35, rescale)
        found = merge_terms(Merge("w", base, (Term(Input(expert, "e"), 1.0, keep),)))
        wanted = torch.from_numpy(keep.probabilities)
        assert wanted[0] == pytest.approx(0.05)
        assert wanted[-1] == pytest.approx(0.75)
        kept = (found != 0).double().mean(0)
        assert bool(((kept - wanted).abs() < 5 * (0.25 / rows) ** 0.5).all())
        if rescale:  # the expectation is what it was
            mean = found.double().mean(0) / expert[0]
            error = 5 * ((1 / wanted - 1) / rows).sqrt()
            assert bool(((mean - 1).abs() < error).all())


def test_is_left_to_plain_torch_on_a_gpu() -> None:
    cuda = pytest.importorskip("mergekit_ext.kernels.gpu.cuda")
    what = merge(3, 5)
    assert not cuda.supports(what)
    assert pick(what) is TORCH


@pytest.mark.parametrize("where", ["base", "expert"])
def test_nan_is_refused(where: str, backend: Backend) -> None:
    what = merge(4, 9)
    one = what.base if where == "base" else what.terms[0].expert
    assert one is not None
    one.tensor[2, 3] = float("nan")
    assert bool(backend.merge(what)[1])
