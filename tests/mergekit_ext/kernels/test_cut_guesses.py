"""Guesses from a sample: right, or seen to be wrong; never a wrong cut."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_merges import BF16, F32, check, expected, family, merge_of, normal, same_bits

from mergekit_ext.kernels import backends, cut_search
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.order_statistics import (
    INFINITY_BITS,
    Bracket,
    Census,
    Cut,
    settle,
)
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, Term
from mergekit_ext.kernels.torch_passes import TorchPasses


pytestmark = pytest.mark.slow

SIZE = 300_007
few_bits = st.integers(0, 6)


def alone(values: torch.Tensor) -> Merge:
    return Merge("w", None, (Term(Input(values, "e"), 1.0),))


def census(span: torch.Tensor, bracket: Bracket) -> Census:
    inside = span[(span > bracket.low) & (span < bracket.high)]
    below, at_low, at_high = (
        int(found.sum())
        for found in (span < bracket.low, span == bracket.low, span == bracket.high)
    )
    return Census(below, at_low, inside.flip(0), at_high)


@given(st.lists(st.lists(few_bits, max_size=9), min_size=1, max_size=4), st.data())
@settings(max_examples=300)
def test_settles_for_the_exact_cut_or_none(
    found: list[list[int]], data: st.DataObject
) -> None:
    spans = [torch.tensor(span, dtype=torch.int32) for span in found]
    ordered = sorted(bits for span in found for bits in span)
    if not ordered:
        return
    position = data.draw(st.integers(0, len(ordered) - 1))
    low, high = sorted(data.draw(st.tuples(st.integers(-1, 7), st.integers(-1, 7))))
    bracket = Bracket(low, high)
    settled = settle(bracket, position, [census(span, bracket) for span in spans])
    bits = ordered[position]
    if not low <= bits <= high:
        assert settled is None
        return
    ties = [int((span == bits).sum()) for span in spans]
    assert settled == (Cut(bits, position - ordered.index(bits)), ties)


def sampled_places(numel: int) -> torch.Tensor:
    """Return the places that a sample is taken from, which float32 tells exactly."""
    what = alone(torch.arange(numel, dtype=torch.float32))
    return cut_search._sample(what, 0).view(torch.float32).long()


def test_a_sample_is_spread_over_the_tensor() -> None:
    places = sampled_places(SIZE)
    assert len(places) == len(places.unique()) == SIZE // 256 // 8 * 8
    assert places.max() < SIZE
    in_tenths = torch.bincount(places * 10 // SIZE, minlength=10)
    assert in_tenths.min() > len(places) / 20


def misleading(kind: str) -> torch.Tensor:
    """Return values whose sample says something else than the whole."""
    places, values = sampled_places(SIZE), normal(SIZE, scale=1e-3)
    if kind == "the sample is larger":
        values[places] = 1 + torch.arange(len(places)) / 64
    elif kind == "the sample is smaller":
        values[places] = 1e-9 * torch.arange(len(places))
    elif kind == "all but the sample is in between":
        values = 0.5 + values.abs()
        values[places] = torch.linspace(0, 1, len(places))
    elif kind == "the sample is of one value":
        values[places] = 2.0
    return values


KINDS = [
    "the sample is larger",
    "the sample is smaller",
    "all but the sample is in between",
    "the sample is of one value",
]


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_sample_misleads_a_histogram_finds_it(kind: str, passes: Any) -> None:
    values, zeros = misleading(kind), torch.zeros(SIZE)
    what = merge_of([zeros, values], {"weights": [1.0], "keep": [["band", 0.5, 0.2]]})
    band = what.terms[0].keep
    for threads in (1, 2):
        work = Blockwise(what, passes, threads)
        assert work.search.sampling
        assert work.search.by_sample(0, [band.first, band.last]) == (None, False)
        found, nan = work.merge()
        assert not nan
        assert same_bits(found, expected(what))


@pytest.mark.parametrize("dtype", [BF16, F32], ids=str)
@pytest.mark.parametrize("keep", [(0.5, 0.2), (0.9, 0.01), (0.1, 0.0), (1e-5, 0.3)])
def test_where_it_does_not_one_pass_is_enough(
    keep: tuple[float, float], dtype: torch.dtype, passes: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(cut_search.CutSearch, "by_histogram", None)
    row = {"weights": [0.5], "keep": [["band", *keep]]}
    what = merge_of(family(SIZE, dtype, dtype), row)
    for threads in (1, 2):
        found, _ = Blockwise(what, passes, threads).merge()
        assert same_bits(found, expected(what))


def test_a_guess_is_seldom_wrong() -> None:
    # fewer than one in a million, at five deviations
    search = Blockwise(alone(normal(SIZE)), TorchPasses, 1).search
    for position in range(1000, SIZE, 4001):
        found, _ = search.by_sample(0, [position])
        assert found is not None


def test_small_and_strided_tensors_are_not_sampled(
    passes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = torch.ones(cut_search.WORTH_SAMPLING - 1), torch.ones(1 << 18)
    assert not Blockwise(alone(small), passes, 1).search.sampling
    assert Blockwise(alone(large), passes, 1).search.sampling
    monkeypatch.setattr(cut_search.CutSearch, "by_sample", None)
    views = [t.view(641, 467)[:, ::2] for t in family(299_347, F32, F32, F32)]
    row = {"weights": [0.4, 0.6], "keep": [["band", 0.5, 0.2]]}
    monkeypatch.setattr("mergekit_ext.kernels.blockwise.WORTH_SAMPLING", 1)
    check(merge_of(views, row), backends.TORCH)


@pytest.mark.parametrize("size", [8, 255, 256, 2047, 2048, SIZE, 5_000_017])
def test_capacity_holds_what_a_good_guess_gathers(size: int) -> None:
    # a bracket is at most twice this share of the elements, and 16 of the sample
    share = cut_search._DEVIATIONS * (0.25 / cut_search._sample_size(size)) ** 0.5
    assert cut_search.capacity(size) > 2 * share * size
    assert cut_search.capacity(525_000_000) * 2 * 4 < 64 << 20


@pytest.mark.parametrize("size", [8, 100, 5000])
@pytest.mark.parametrize("share", [0.0, 1e-6, 0.5, 1 - 1e-6])
def test_brackets_at_the_ends_are_open(size: int, share: float) -> None:
    (bracket,) = cut_search.brackets(alone(normal(size)), 0, [int(share * size)])
    assert -1 <= bracket.low <= bracket.high <= INFINITY_BITS + 1
    if size < 100:
        assert (bracket.low, bracket.high) == (-1, INFINITY_BITS + 1)


def test_two_brackets_may_be_one() -> None:
    what = alone(torch.ones(SIZE))
    one, two = cut_search.brackets(what, 0, [SIZE // 4, SIZE // 2])
    assert one == two == Bracket(0x3F800000, 0x3F800000)
