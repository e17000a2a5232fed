"""Masks by magnitude against a stable sort; cuts, edges and histograms by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.kernels import order_statistics, reference
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.order_statistics import (
    AFTER_ALL,
    BEFORE_ALL,
    Cut,
    Edges,
    edges_by_span,
    locate,
)
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Band, Merge, Term
from mergekit_ext.kernels.torch_passes import TorchPasses


TABLE = "deltas"
INF_BITS = order_statistics.INFINITY_BITS

# few magnitudes, so that ties are everywhere; and any float at all
tied_floats = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, 2.0, float("inf")])
any_floats = st.floats(width=32, allow_nan=False)
tensors = st.lists(st.one_of(tied_floats, any_floats), min_size=1, max_size=60)
counts = st.integers(0, 5)


def middle(size: int, density: float, gamma: float) -> Band:
    kept, top = int(density * size), int(gamma * size)
    first = max(0, size - kept - top)
    return Band(first, first + kept)


def kept(values: torch.Tensor, band: Band, passes: Any, block: int = 64) -> list[int]:
    """Return the places that a backend keeps: where a marker comes through.

    Each value is an expert's, over no base; its mark is a second look at the row.
    """
    what = Merge("w", None, (Term(Input(values, "e"), 1.0, band),))
    work = Blockwise(what, passes, 1, sampling=False)
    work.passes.block = block
    edges = {0: work.search.edges(0, band)[0][0]}
    rows, found = work.passes.new_rows(block), []
    for start in range(0, values.numel(), block):
        stop = min(start + block, values.numel())
        work._row(0, start, stop, float("inf"), rows, edges)
        # what is dropped is 0; what is kept is infinite, and NaN where it was 0
        row = work.passes.row_values(0, stop - start, rows)
        found += [start + i for i, value in enumerate(row.tolist()) if value != 0]
    return found


def places(mask: torch.Tensor) -> list[int]:
    return mask.nonzero().view(-1).tolist()


def test_cases(case: dict[str, Any], passes: Any) -> None:
    delta = torch.tensor([float(value) for value in case["deltas"]])
    band = middle(len(delta), case["density"], case["gamma"])
    assert places(reference.band_mask(delta, band)) == case["kept"]
    for block in (4, 64):
        assert kept(delta, band, passes, block) == case["kept"]


@given(tensors, st.data(), st.sampled_from([1, 2, 3, 7, 64]))
@settings(max_examples=150)
def test_is_a_stable_sort(values: list[float], data: st.DataObject, block: int) -> None:
    delta = torch.tensor(values, dtype=torch.float32)
    first = data.draw(st.integers(0, len(values)))
    last = data.draw(st.integers(first, len(values)))
    found = kept(delta, Band(first, last), TorchPasses, block)
    assert found == places(reference.band_mask(delta, Band(first, last)))
    assert len(found) == last - first


@pytest.mark.slow
@given(tensors, st.data(), st.sampled_from([4, 8, 64]))
@settings(max_examples=80)
def test_is_a_stable_sort_compiled(
    values: list[float], data: st.DataObject, block: int
) -> None:
    pytest.importorskip("numba", reason="NO NUMBA: the compiled masks are not tested")
    from mergekit_ext.kernels.compiled.numba_passes import NumbaPasses

    first = data.draw(st.integers(0, len(values)))
    last = data.draw(st.integers(first, len(values)))
    delta = torch.tensor(values, dtype=torch.float32)
    found = kept(delta, Band(first, last), NumbaPasses, block)
    assert found == places(reference.band_mask(delta, Band(first, last)))


def test_double_precision_is_ordered_in_single() -> None:
    delta = torch.tensor([1.0, 1.0 + 1e-12, 1e300, 1e-300], dtype=torch.float64)
    band = middle(4, 0.5, 0.25)
    assert places(reference.band_mask(delta, band)) == [0, 1]
    assert kept(delta, band, TorchPasses) == [0, 1]


def test_no_pass_is_made_where_nothing_is_to_be_found(passes: Any) -> None:
    what = Merge("w", None, (Term(Input(torch.ones(9), "e"), 1.0),))
    search = Blockwise(what, passes, 1).search
    search.passes = None  # type: ignore[assignment]
    assert search.edges(0, Band(0, 9)) == ([Edges(BEFORE_ALL, AFTER_ALL)], False)
    for band in (Band(0, 0), Band(4, 4), Band(9, 9)):
        assert search.edges(0, band) == ([Edges(BEFORE_ALL, BEFORE_ALL)], False)


@pytest.mark.parametrize(
    ("cut", "count", "within", "after"),
    [
        (Cut(7, 0), 0, Cut(7), Cut(7)),
        (Cut(7, 0), 3, Cut(7), Cut(7)),
        (Cut(7, 2), 0, Cut(7), Cut(7, 2)),
        (Cut(7, 2), 1, Cut(8), Cut(7, 1)),
        (Cut(7, 2), 2, Cut(8), Cut(7)),
        (Cut(7, 2), 3, Cut(7, 2), Cut(7)),
    ],
)
def test_a_cut_among_the_next_ties(
    cut: Cut, count: int, within: Cut, after: Cut
) -> None:
    assert cut.within(count) == within
    assert cut.after(count) == after


@given(st.lists(st.tuples(counts, counts), min_size=1), st.data())
def test_each_span_keeps_its_share_of_the_ties(
    ties: list[tuple[int, int]], data: st.DataObject
) -> None:
    lower = Cut(5, data.draw(st.integers(0, sum(one for one, _ in ties))))
    upper = Cut(9, data.draw(st.integers(0, sum(two for _, two in ties))))
    before = [0, 0]
    for edges, found in zip(edges_by_span(lower, upper, ties), ties, strict=True):
        assert (edges.lower.ties < found[0]) or edges.lower.ties == 0
        for side, (cut, bits) in enumerate([(edges.lower, 5), (edges.upper, 9)]):
            passed = found[side] if cut.bits > bits else cut.ties
            before[side] += passed
            assert edges.split or cut.ties == 0
    assert before == [lower.ties, upper.ties]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50), st.data())
def test_locate_finds_the_bin_and_the_rank(
    histogram: list[int], data: st.DataObject
) -> None:
    if sum(histogram) == 0:
        return
    position = data.draw(st.integers(0, sum(histogram) - 1))
    ordered = [b for b, count in enumerate(histogram) for _ in range(count)]
    found, rank = locate(torch.tensor(histogram), position)
    assert found == ordered[position]
    assert rank == position - ordered.index(found)


@pytest.mark.parametrize("sampling", [False, True])
@pytest.mark.parametrize("share", [0.001, 0.25, 0.5, 0.999])
def test_a_cut_is_the_element_of_its_rank(
    share: float, sampling: bool, passes: Any
) -> None:
    values = torch.randn(10_007, generator=torch.Generator().manual_seed(0))
    values = (values * 100).round() / 100
    what = Merge("w", None, (Term(Input(values, "e"), 1.0),))
    search = Blockwise(what, passes, 1, sampling).search
    position = int(share * len(values))
    find = search.by_sample if sampling else search.by_histogram
    found, nan = find(0, [position])
    assert not nan
    if found is None:
        assert sampling
        return
    ((cut, ties),) = found
    bits = values.abs().view(torch.int32)
    assert cut.bits == int(bits.sort().values[position])
    assert cut.ties == position - int((bits < cut.bits).sum())
    assert ties == [int((bits == cut.bits).sum())]
