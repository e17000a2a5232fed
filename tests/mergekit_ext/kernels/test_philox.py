"""Philox against Random123, against its scalar self, and as a source of masks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.kernels import philox, reference


TABLE = "philox"

keys = st.integers(0, 2**64 - 1)
densities = st.floats(0, 1)

pytestmark = pytest.mark.usefixtures("poison")


def _halves(words: list[str]) -> list[int]:
    return [int(word, 16) for word in words]


def test_known_answers(case: dict[str, Any]) -> None:
    low, high = _halves(case["key"])
    key = high << 32 | low
    counter = _halves(case["counter"])
    a, b, c, d = (torch.tensor([word]) for word in counter)
    words = [int(word) for word in philox.philox(key, (a, b, c, d))]
    assert words == _halves(case["words"])
    joined = sum(word << 32 * place for place, word in enumerate(counter))
    assert list(reference.philox(key, joined)) == words


@pytest.mark.parametrize("size", [0, 1, 63, 4097])
@pytest.mark.parametrize("density", [0.0, 1e-9, 0.3, 0.999, 1.0])
def test_mask_is_the_reference(size: int, density: float) -> None:
    expected = reference.dare_mask(2**64 - 1, size, density)
    assert torch.equal(philox.keep_mask(2**64 - 1, 0, size, density), expected)


def test_mask_is_the_same_in_any_pieces() -> None:
    size = 4 * philox._CPU_BLOCKS + 4097  # more than one block of work
    whole = philox.keep_mask(7, 0, size, 0.5)
    pieces = [philox.keep_mask(7, 0, 4 * philox._CPU_BLOCKS - 3, 0.5)]
    pieces += [philox.keep_mask(7, 4 * philox._CPU_BLOCKS - 3, size, 0.5)]
    assert torch.equal(torch.cat(pieces), whole)


@given(keys, densities, st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=50, deadline=None)
def test_any_window_is_a_slice(key: int, density: float, one: int, two: int) -> None:
    start, stop = sorted((one, two))
    whole = philox.keep_mask(key, 0, 200, density)
    assert torch.equal(philox.keep_mask(key, start, stop, density), whole[start:stop])


def test_blocks_beyond_32_bits_use_the_next_counter_word() -> None:
    first = 4 * 2**32
    far = philox.keep_mask(5, first, first + 64, 0.5)
    words = [reference.philox(5, 2**32 + block) for block in range(16)]
    expected = torch.tensor([word < 2**31 for block in words for word in block])
    assert torch.equal(far, expected)


@pytest.mark.parametrize("density", [0.01, 0.1, 0.5, 0.9])
def test_keep_rate_is_within_binomial_bounds(density: float) -> None:
    size = 400_000
    kept = int(philox.keep_mask(12345, 0, size, density).sum())
    deviation = math.sqrt(size * density * (1 - density))
    assert abs(kept - size * density) < 5 * deviation


def test_the_threshold_is_exact() -> None:
    for index in range(8):
        word = reference.philox(9, index // 4)[index % 4]
        for density, kept in ((word / 2**32, False), ((word + 1) / 2**32, True)):
            assert philox.keep_mask(9, index, index + 1, density).tolist() == [kept]


def test_a_denser_mask_contains_a_sparser_one() -> None:
    sparse, dense = (philox.keep_mask(3, 0, 4097, d) for d in (0.2, 0.7))
    assert bool((dense | ~sparse).all())


def test_neighbouring_masks_are_independent() -> None:
    size, density = 200_000, 0.5
    one = philox.keep_mask(philox.mask_key(0, "a", "t"), 0, size, density)
    for other in ((1, "a", "t"), (0, "b", "t"), (0, "a", "u")):
        two = philox.keep_mask(philox.mask_key(*other), 0, size, density)
        both = int((one & two).sum())
        assert abs(both - size / 4) < 5 * math.sqrt(size * 3 / 16)


def test_key_is_stable() -> None:
    # a change here changes every DARE merge that was ever made
    assert philox.mask_key(0, "expert", "lm_head.weight") == 0x2D762A90362902C7


def test_key_keeps_its_parts_apart() -> None:
    parts = [(0, "a", "bc"), (0, "ab", "c"), (0, "a,b", "c"), (0, "a", "b,c")]
    parts += [(1, "0", "a"), (10, "", "a"), (0, 'a","b', "c")]
    assert len({philox.mask_key(*part) for part in parts}) == len(parts)


def test_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    philox.keep_mask(1, 0, 100, 0.5)
    assert torch.equal(torch.random.get_rng_state(), before)
