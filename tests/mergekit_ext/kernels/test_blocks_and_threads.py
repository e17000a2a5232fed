"""Threads, blocks and samples decide how the work is done, never what comes out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from made_merges import BF16, F16, F32, expected, family, merge_of, same_bits

from mergekit_ext.kernels import tensors, torch_passes
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.compiled import numba_passes
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, Term


TABLE = "merges"
SIZE = 30_011
THREADS = [1, 2, 3, 7]
BLOCKS = [1000, 4096, 1 << 16]
TIED = {"weights": [0.4, 0.6, 0.7], "keep": [["band", 0.5, 0.1], ["band", 0.4, 0.0]]}


@pytest.fixture(autouse=True)
def _small_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few thousand elements be worth a thread."""
    monkeypatch.setattr(tensors, "_SPAN", 4096)


def with_block(monkeypatch: pytest.MonkeyPatch, passes: Any, block: int) -> None:
    if passes is torch_passes.TorchPasses:
        monkeypatch.setattr(torch_passes, "_CPU_BLOCK", block)
    else:
        monkeypatch.setattr(numba_passes, "_BLOCK", block)
        monkeypatch.setattr(passes, "block", block)


def merged(
    what: Merge, passes: Any, threads: int, sampling: bool | None = None
) -> torch.Tensor:
    ratios = [
        Blockwise(what, passes, threads, sampling).ratio(k) if term.rescale else 1.0
        for k, term in enumerate(what.terms)
    ]
    work = Blockwise(what.with_scales(ratios), passes, threads, sampling)
    assert threads == 1 or len(work.spans) > 1
    found, nan = work.merge()
    assert not nan
    return found


@pytest.fixture(scope="module")
def tied() -> dict[torch.dtype, list[torch.Tensor]]:
    """Families whose deltas are few, so that cuts fall into ties in every block."""
    found = {}
    for dtype in (BF16, F16, F32):
        base, *experts = family(SIZE, F32, F32, F32, F32)
        deltas = [((e - base) * 300).round() / 256 for e in experts]
        base = (base * 64).round() / 64
        found[dtype] = [t.to(dtype) for t in (base, *(base + d for d in deltas))]
    return found


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.slow
def test_threads_change_no_bit(case: dict[str, Any], threads: int, passes: Any) -> None:
    what = merge_of(family(SIZE, *[BF16] * 6), case)
    assert same_bits(merged(what, passes, threads), expected(what))


@pytest.mark.parametrize("sampling", [False, True])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
@pytest.mark.slow
def test_blocks_and_samples_change_no_bit(
    dtype: torch.dtype, block: int, sampling: bool, passes: Any,
    tied: dict[torch.dtype, list[torch.Tensor]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with_block(monkeypatch, passes, block)
    for options in ({}, {"elect": True, "rescale": True}):
        what = merge_of(tied[dtype], TIED | options)
        want = expected(what)
        for threads in (1, 3):
            assert same_bits(merged(what, passes, threads, sampling), want)


def test_masks_of_a_dropout_depend_on_no_block(
    passes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"weights": [1.0], "keep": [["drop", "fedcba9876543210", 0.5]]}
    what = merge_of(family(SIZE, F32, F32), row)
    want = expected(what)
    for block in (1020, 2044, 2048, 2052, 8192):
        with_block(monkeypatch, passes, block)
        assert same_bits(merged(what, passes, 2), want)


def test_ranks_without_a_base_have_zeros_for_a_whole_block(passes: Any) -> None:
    row = {"weights": [1.0], "keep": [["rank", "7", 0.3, 0.2, 20, True]], "base": False}
    what = merge_of(family(200_000, F32, F32), row)
    assert same_bits(merged(what, passes, 1), expected(what))


class Poisoned:
    """NumPy, but what is uninitialised is NaN."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def empty(shape: Any, dtype: Any) -> np.ndarray:
        value = np.nan if np.issubdtype(dtype, np.floating) else -1
        return np.full(shape, value, dtype)


def test_fresh_memory_is_written_before_it_is_read(
    case: dict[str, Any], passes: Any, poison: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba_passes, "np", Poisoned())
    with_block(monkeypatch, passes, 1024)
    what = merge_of(family(5000, *[F32] * 6), case)
    for sampling in (False, True):
        found, nan = Blockwise(
            what.with_scales([1.0] * len(what.terms)), passes, 2, sampling
        ).merge()
        assert not nan
        assert found.isfinite().all()


def test_poison_is_seen() -> None:
    assert np.isnan(Poisoned().empty((2, 3), np.float32)).all()


@pytest.mark.parametrize("numel", [0, 1, 4095, 4096, 4097, 30_011, 10**6 + 3])
@pytest.mark.parametrize("threads", [1, 2, 3, 7, 100])
def test_spans_cover_each_element_once(numel: int, threads: int) -> None:
    found = tensors.spans(numel, threads)
    assert 1 <= len(found) <= min(threads, 32)
    assert found[0][0] == 0
    assert found[-1][1] == numel
    assert all(one[1] == two[0] for one, two in pairwise(found))
    assert all(start % 4096 == 0 for start, _ in found)


def test_small_tensors_are_left_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert tensors.spans((1 << 18) - 1, 8) == [(0, (1 << 18) - 1)]
    assert len(tensors.spans(1 << 20, 8)) == 8


def test_the_results_of_spans_are_in_order() -> None:
    over = [(0, 1), (1, 2), (2, 3)]
    assert tensors.each(over, lambda index, span: (index, span)) == list(
        enumerate(over)
    )


def test_an_error_in_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        tensors.each([(0, 1), (1, 2)], lambda index, span: 1 // (1 - index))


@pytest.mark.parametrize("based", [True, False])
@pytest.mark.parametrize("experts", [1, 2, 4])
@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
@pytest.mark.slow
def test_what_is_kept_whole_may_span_many_blocks(
    dtype: torch.dtype, experts: int, based: bool, passes: Any
) -> None:
    size = 8 * 3 * (1 << 15) + 5
    base, *models = family(size, *[dtype] * (experts + 1))
    terms = tuple(Term(Input(one, f"m{k}"), 0.3 + k) for k, one in enumerate(models))
    what = Merge("t", Input(base, "b") if based else None, terms, normalize=not based)
    assert same_bits(merged(what, passes, 2), expected(what))
    models[-1][size - 3] = torch.nan
    assert Blockwise(what, passes, 2).merge()[1]
