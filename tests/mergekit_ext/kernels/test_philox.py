"""Philox against Random123, against its scalar self, and as a source of masks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergekit_ext.kernels import philox, reference
from mergekit_ext.kernels.terms import Dropout


TABLE = "philox"
DEEP = 2**32  # blocks beyond it have a second word in their counter

keys = st.integers(0, 2**64 - 1)
thresholds = st.one_of(st.integers(0, 2**32), st.sampled_from([0, 1, 2**31, 2**32]))

pytestmark = pytest.mark.usefixtures("poison")


def words_of(hexadecimal: list[str]) -> list[int]:
    return [int(word, 16) for word in hexadecimal]


def compiled(key: int, first: int, blocks: int) -> torch.Tensor:
    np = pytest.importorskip("numpy")
    pytest.importorskip("numba", reason="NO NUMBA: the compiled Philox is not tested")
    from mergekit_ext.kernels.compiled import numba_philox

    state = np.full((4, blocks), 0xDEAD, np.uint32)
    numba_philox.philox(np.uint64(key), np.uint64(first), state)
    return torch.from_numpy(state.astype(np.int64)).t()


def test_known_answers(case: dict[str, Any]) -> None:
    low, high = words_of(case["key"])
    key, counter = high << 32 | low, words_of(case["counter"])
    joined = sum(word << 32 * place for place, word in enumerate(counter))
    assert list(reference.philox(key, joined)) == words_of(case["words"])
    halves = [counter[1] << 32 | counter[0], counter[3] << 32 | counter[2]]
    signed = [torch.tensor([half - (half >> 63 << 64)]) for half in halves]
    words = [int(word) for word in philox.philox(key, *signed)]
    assert words == words_of(case["words"])


def test_known_answers_compiled() -> None:
    # the compiled loop has 64 bits of counter: the first vector is the one it can do
    assert compiled(0, 0, 1).tolist() == [
        [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ]


@pytest.mark.parametrize(
    "first", [0, 5, DEEP - 2, DEEP, DEEP + 7, 2**61 - 9, 2**62 - 9]
)
@pytest.mark.parametrize("key", [0, 2**32 - 1, 2**63 + 11, 2**64 - 1])
def test_words_are_the_reference_at_any_counter(key: int, first: int) -> None:
    expected = torch.tensor([reference.philox(key, first + i) for i in range(8)])
    found = torch.stack(philox.philox(key, torch.arange(first, first + 8)), 1)
    assert torch.equal(found, expected)
    assert torch.equal(compiled(key, first, 8), expected)


@pytest.mark.parametrize("below", [0, 1, 2**31, 2**32 - 1, 2**32])
@pytest.mark.parametrize("start", [0, 1, 4 * DEEP - 6, 4 * DEEP + 3])
def test_masks_are_the_reference(start: int, below: int) -> None:
    words = [w for i in range(12) for w in reference.philox(9, start // 4 + i)]
    expected = torch.tensor([w < below for w in words])[start % 4 :][:40]
    assert torch.equal(philox.keep_mask(9, start, start + 40, below), expected)


@pytest.mark.parametrize("below", [0, 1, 2**31, 2**32 - 1, 2**32])
def test_compiled_choices_are_the_reference(below: int) -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("numba", reason="NO NUMBA: the compiled masks are not tested")
    from mergekit_ext.kernels.compiled import numba_philox

    edges = [0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
    state = np.array([(edges * 4)[k : k + 12] for k in range(4)], np.uint32)
    kept = np.full(12, 0xDEAD, np.uint32)
    numba_philox.select(state, np.uint64(below), kept)
    assert kept.view(np.uint8).tolist() == (state.T.reshape(-1) < below).tolist()


def test_a_mask_of_a_tensor_is_the_reference() -> None:
    for size in (0, 1, 3, 63, 4097):
        expected = reference.dropout_mask(Dropout(2**64 - 1, 2**30), size)
        assert torch.equal(philox.keep_mask(2**64 - 1, 0, size, 2**30), expected)


@given(keys, thresholds, st.integers(0, 200), st.integers(0, 200))
def test_any_window_is_a_slice(key: int, below: int, one: int, two: int) -> None:
    start, stop = sorted((one, two))
    whole = philox.keep_mask(key, 0, 200, below)
    assert torch.equal(philox.keep_mask(key, start, stop, below), whole[start:stop])


def test_bits_are_all_or_none() -> None:
    bits = philox.keep_bits(3, 0, 1000, 2**31, torch.device("cpu"))
    assert set(bits.tolist()) == {0, -1}
    assert bits.dtype == torch.int32


@pytest.mark.parametrize("density", [0.01, 0.1, 0.5, 0.9])
def test_keep_rate_is_within_binomial_bounds(density: float) -> None:
    size = 400_000
    kept = int(philox.keep_mask(12345, 0, size, philox.threshold(density)).sum())
    deviation = math.sqrt(size * density * (1 - density))
    # beyond 5 deviations lies less than one stream in a million
    assert abs(kept - size * density) < 5 * deviation


def test_the_four_words_of_a_block_are_independent() -> None:
    size = 400_000
    mask = philox.keep_mask(1, 0, size, 2**31).view(-1, 4)
    codes = (mask * torch.tensor([1, 2, 4, 8])).sum(1)
    counts = torch.bincount(codes, minlength=16)
    expected = size / 4 / 16
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 50  # 15 degrees of freedom: one in a hundred thousand


@pytest.mark.parametrize(
    ("density", "words"),
    [(0.0, 0), (1.0, 2**32), (0.5, 2**31), (2.0**-32, 1), (2.0**-33, 0), (1e-300, 0)],
)
def test_threshold(density: float, words: int) -> None:
    assert philox.threshold(density) == words


def test_the_threshold_is_exact() -> None:
    for index in range(8):
        word = reference.philox(9, index // 4)[index % 4]
        assert philox.keep_mask(9, index, index + 1, word).tolist() == [False]
        assert philox.keep_mask(9, index, index + 1, word + 1).tolist() == [True]


@given(keys, st.floats(0, 1), st.floats(0, 1))
def test_a_denser_mask_contains_a_sparser_one(key: int, one: float, two: float) -> None:
    low, high = sorted((philox.threshold(one), philox.threshold(two)))
    sparse, dense = (philox.keep_mask(key, 0, 500, below) for below in (low, high))
    assert bool((dense | ~sparse).all())


def test_neighbouring_masks_are_independent() -> None:
    size, below = 200_000, 2**31
    one = philox.keep_mask(philox.mask_key(0, "a", "t"), 0, size, below)
    for other in ((1, "a", "t"), (0, "b", "t"), (0, "a", "u")):
        two = philox.keep_mask(philox.mask_key(*other), 0, size, below)
        both = int((one & two).sum())
        assert abs(both - size / 4) < 5 * math.sqrt(size * 3 / 16)


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        ((0, "expert", "lm_head.weight"), 0x2D762A90362902C7),
        (
            (2**64 - 1, "org/model@main", "model.layers.0.mlp.up_proj.weight"),
            0xB376D44CAEEC6C36,
        ),
        ((7, "Ñandú/žluťoučký", ""), 0x5C060EB5EFAFC3E7),
    ],
)
def test_key_is_stable(parts: tuple[int, str, str], key: int) -> None:
    # a change here changes every DARE merge that was ever made
    assert philox.mask_key(*parts) == key


def test_key_keeps_its_parts_apart() -> None:
    parts = [(0, "a", "bc"), (0, "ab", "c"), (0, "a,b", "c"), (0, "a", "b,c")]
    parts += [(1, "0", "a"), (10, "", "a"), (0, 'a","b', "c")]
    found = {philox.mask_key(*part) for part in parts}
    assert len(found) == len(parts)
    assert all(0 <= key < 2**64 for key in found)


def test_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    philox.keep_mask(1, 0, 100, 2**31)
    assert torch.equal(torch.random.get_rng_state(), before)
