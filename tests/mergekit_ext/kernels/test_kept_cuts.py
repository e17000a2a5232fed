"""What a search has found is used again, and for nothing but what it was found for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import pytest
import torch
from made_merges import BF16, F16, F32, F64, check, expected, family, merge_of, normal

from mergekit_ext.kernels import backends, blockwise, cut_search
from mergekit_ext.kernels.backends import Backend, merge_terms
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.kept_cuts import KeptCuts, kept
from mergekit_ext.kernels.tensors import Input, computed_at
from mergekit_ext.kernels.terms import Band, Merge, Term
from mergekit_ext.kernels.torch_passes import TorchPasses


SIZE = 4_099
ROW = {"weights": [0.5, 0.25], "keep": [["band", 0.5, 0.1], ["band", 0.3, 0.0]]}


def by_name(tensor: str, model: str) -> Hashable:
    return tensor, model


def made(row: dict[str, Any] = ROW, *dtypes: torch.dtype) -> Merge:
    return merge_of(family(SIZE, *(dtypes or (BF16, BF16, BF16))), row)


@pytest.mark.parametrize("elect", [False, True])
@pytest.mark.parametrize("rescale", [False, True])
def test_a_further_merge_searches_nothing(
    elect: bool, rescale: bool, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, row = KeptCuts(), ROW | {"elect": elect, "rescale": rescale}
    with store.used(by_name):
        check(made(row), backend)
        known = len(store)
        monkeypatch.setattr(cut_search.CutSearch, "_searched", None)
        monkeypatch.setattr(Blockwise, "ratio", None)
        for weights in ([1.5, -0.5], [0.0, 2.0]):
            check(made(row | {"weights": weights}), backend)
    assert len(store) == known == 2 + rescale


def other(what: Merge, k: int, **changes: Any) -> Merge:
    terms = list(what.terms)
    terms[k] = replace(terms[k], **changes)
    return replace(what, terms=tuple(terms))


def _scaled(what: Merge, factor: float) -> Input:
    return Input(what.terms[0].expert.tensor * factor, "another")


FIRST = made()
NARROW, WIDE = (made(ROW, dtype, BF16, BF16) for dtype in (BF16, F32))
ANOTHER = [
    ("another model", FIRST, other(FIRST, 0, expert=_scaled(FIRST, 3))),
    ("another base", FIRST,
     replace(FIRST, base=Input(normal(SIZE, 5).to(BF16), "another"))),
    ("no base", FIRST, replace(FIRST, base=None)),
    ("the models have changed places", FIRST,
     replace(FIRST, base=FIRST.terms[0].expert,
             terms=(replace(FIRST.terms[0], expert=FIRST.inputs[0]),))),
    ("another tensor", FIRST,
     replace(other(FIRST, 0, expert=replace(_scaled(FIRST, 3), model="e0")),
             name="another")),
    ("another density", FIRST, other(FIRST, 0, keep=Band(100, 200))),
    ("another gamma", FIRST,
     other(FIRST, 0, keep=Band(FIRST.terms[0].keep.first, SIZE))),  # type: ignore
    ("another dtype of the base", NARROW, WIDE),
    ("another dtype of the expert", FIRST,
     other(FIRST, 0, expert=Input(FIRST.terms[0].expert.tensor.to(F16), "e0"))),
    ("fewer elements", FIRST, merge_of(family(1_001, BF16, BF16, BF16), ROW)),
    ("the deltas are of another dtype", FIRST,
     other(FIRST, 1, expert=Input(FIRST.terms[1].expert.tensor.to(F64), "e1"))),
]  # fmt: skip


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize(("why", "one", "two"), ANOTHER)
def test_a_cut_serves_nothing_else(
    why: str, one: Merge, two: Merge, rescale: bool
) -> None:
    pair = [other(what, 0, rescale=rescale) for what in (one, two)]
    for first, second in (pair, pair[::-1]):
        store = KeptCuts()
        with store.used(by_name):
            merge_terms(first, backends.TORCH)
            check(second, backends.TORCH)


def alone(*shape: int, **options: Any) -> Merge:
    tensor = torch.zeros(*shape, **options)
    return Merge("w", None, (Term(Input(tensor, "e"), 1.0),))


DIFFERENT = [
    ("another device", alone(3), alone(3, device="meta")),
    ("more elements", alone(3), alone(4)),
    ("another dtype", alone(3), alone(3, dtype=F16)),
    ("deltas of another dtype", alone(3), Merge(
        "w", None, (*alone(3).terms, *alone(3, dtype=F64).terms))),
]  # fmt: skip


@pytest.mark.parametrize(("why", "one", "two"), DIFFERENT)
def test_a_search_is_done_again(why: str, one: Merge, two: Merge) -> None:
    with KeptCuts().used(by_name):
        assert [kept(what, [0], "edges", lambda w=what: w.inputs[-1])  # type: ignore
                for what in (one, two, one)] == [
            one.inputs[-1], two.inputs[-1], one.inputs[-1]]  # fmt: skip


@pytest.mark.parametrize("threads", [(1, 2), (2, 1)])
def test_each_number_of_threads_has_its_own(threads: tuple[int, int]) -> None:
    """The ties before a span are counted for the spans that there are."""
    tensors = [t.round(decimals=1) for t in family(400_000, F32, F32)]
    what = merge_of(tensors, {"weights": [1.0], "keep": [["band", 0.5, 0.2]]})
    store = KeptCuts()
    with store.used(by_name):
        for one in threads:
            assert torch.equal(
                Blockwise(what, TorchPasses, one).merge()[0], expected(what)
            )
    assert len(store) == 2


def test_tensors_without_a_name_are_searched_each_time() -> None:
    store = KeptCuts()
    with store.used(lambda tensor, model: None if model == "e1" else model):
        check(FIRST, backends.TORCH)
        check(other(FIRST, 1, expert=Input(normal(SIZE).to(BF16), "e1")),
              backends.TORCH)  # fmt: skip
    assert len(store) == 1


def test_nothing_is_kept_outside() -> None:
    store = KeptCuts()
    with store.used(by_name):
        pass
    merge_terms(FIRST, backends.TORCH)
    assert not len(store)


def test_a_result_is_written_where_it_belongs(backend: Backend) -> None:
    place = torch.full_like(FIRST.like, float("nan"))
    asked = []

    def of(name: str) -> torch.Tensor:
        asked.append(name)
        return place

    with computed_at(of):
        found = merge_terms(FIRST, backend)
    assert found.data_ptr() == place.data_ptr()
    assert torch.equal(place, expected(FIRST))
    assert set(asked) == {"w"}


WRONG_PLACES = [
    ("another dtype", torch.zeros(SIZE)),
    ("another shape", torch.zeros(1, SIZE, dtype=BF16)),
    ("with gaps", torch.zeros(2 * SIZE, dtype=BF16)[::2]),
    ("the base itself", FIRST.like),
    ("an expert", FIRST.terms[1].expert.tensor),
]


@pytest.mark.parametrize(("why", "place"), WRONG_PLACES)
def test_a_place_that_does_not_fit_is_left_alone(
    why: str, place: torch.Tensor, backend: Backend
) -> None:
    before = place.clone()
    with computed_at(lambda _: place):
        check(FIRST, backend)
    assert torch.equal(place, before)


def test_a_sample_changes_nothing_that_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A search has one result, whether it guesses or not."""
    what = merge_of(family(300_007, BF16, BF16), ROW | {"weights": [1.0]})
    found = []
    for worth in (1 << 30, 1):
        monkeypatch.setattr(blockwise, "WORTH_SAMPLING", worth)
        store = KeptCuts()
        with store.used(by_name):
            check(what, backends.TORCH)
        (one,) = store._found.values()
        found.append(one)
    assert found[0] == found[1]
