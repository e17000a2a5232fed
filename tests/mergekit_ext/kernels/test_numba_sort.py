"""The sort of a row, by either way, against NumPy's stable one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


pytest.importorskip("numba", reason="NO NUMBA: the compiled backend is not tested")
from mergekit_ext.kernels.compiled import numba_sort


pytestmark = pytest.mark.slow  # compiles


def check(bits: np.ndarray) -> bool:
    """Check every way; return whether buckets did it in time."""
    bits = bits.astype(np.uint32)
    counts = numba_sort.new_counts(len(bits))
    wanted = np.argsort(bits, kind="stable")
    pairs = np.zeros((2, len(bits)), np.uint64)
    for sort in (numba_sort.by_digits, numba_sort.sorted_pairs):
        found = sort(bits, pairs, counts)
        assert np.array_equal(found & numba_sort.LOWER, wanted)
        assert np.array_equal(found >> np.uint64(32), bits[wanted])
    done: bool = numba_sort.by_buckets(bits, pairs[0], counts)
    return done


@given(st.lists(st.integers(0, 0x7F800000), min_size=1, max_size=400))
@settings(max_examples=100)
def test_any_magnitudes(bits: list[int]) -> None:
    check(np.array(bits))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=400), st.integers(0, 2**30))
@settings(max_examples=100)
def test_few_that_differ(bits: list[int], above: int) -> None:
    check(np.array(bits) + above)


def test_crowded_buckets_are_given_up() -> None:
    """One far away makes one bucket of all others, which are in descending order."""
    crowd = 0x3F800000 + np.arange(3000)[::-1]
    assert not check(np.concatenate([crowd, [1, 0x7F000000]]))
    assert check(crowd)
    assert check(np.zeros(3000))
