"""Philox4x32-10: random bits that depend on a key and a position, and nothing else.

Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011);
the known answers of its Random123 library are in the tests. As word ``i`` is a function
of the key and of ``i``, a mask is the same on every device, in any order of tensors and
for any chunking, and no global state is read or changed.
"""

from __future__ import annotations

import hashlib
import json

import torch


_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF
_ROUNDS = 10
_WORDS = 4


def mask_key(seed: int, model: str, tensor_name: str) -> int:
    """Return the 64-bit key of one model's mask for one tensor.

    Stable: blake2b over the JSON of the three, the same in every process and version.
    """
    text = json.dumps([seed, model, tensor_name], ensure_ascii=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"mergekit_ext")
    return int.from_bytes(digest.digest(), "little")


def threshold(density: float) -> int:
    """Return how many of the 2**32 words are kept: ``int(density * 2**32)``."""
    return int(density * 2**32)


def keep_mask(key: int, start: int, stop: int, below: int) -> torch.Tensor:
    """Return the mask of the elements ``start`` to ``stop`` of a tensor, as booleans.

    Element ``i`` is kept where word ``i % 4`` of block ``i // 4`` lies below ``below``:
    an integer comparison, so that a density of 1 keeps every element and one of 0 none.
    The probability is met to within 2**-32.

    Args:
        key: The key, 64 bits; see ``mask_key``.
        start: The first element's index in row-major order.
        stop: The index after the last.
        below: 0 to 2**32; see ``threshold``.
    """
    return keep_bits(key, start, stop, below, torch.device("cpu")) != 0


def keep_bits(
    key: int, start: int, stop: int, below: int, device: torch.device
) -> torch.Tensor:
    """Return which elements are kept as int32: all bits set where one is, else 0.

    The arguments are those of ``keep_mask``; the result is on ``device``.
    """
    first, last = start // _WORDS, -(-stop // _WORDS)
    size = max(0, last - first)
    kept = torch.empty((size, 2, 2), dtype=torch.int32, device=device)
    pairs = _pairs_of_words(key, torch.arange(first, last, device=device))
    for column, pair in enumerate(pairs):
        # words are below 2**32: the sign of the difference says which is less
        kept[:, :, column] = pair.sub_(below).bitwise_right_shift_(63).t()
    return kept.view(-1)[start - first * _WORDS : stop - first * _WORDS]


def words(key: int, start: int, stop: int, device: torch.device) -> torch.Tensor:
    """Return the words of the elements ``start`` to ``stop``, as int64."""
    first, last = start // _WORDS, -(-stop // _WORDS)
    blocks = torch.stack(philox(key, torch.arange(first, last, device=device)), 1)
    return blocks.view(-1)[start - first * _WORDS : stop - first * _WORDS]


def philox(
    key: int, low: torch.Tensor, high: torch.Tensor | None = None
) -> tuple[torch.Tensor, ...]:
    """Return the four 32-bit words of each 128-bit counter, as int64.

    Args:
        key: The key, 64 bits; the low half is Random123's ``key[0]``.
        low: The lower halves of the counters: any int64, one dimension.
        high: The upper halves; 0 when left out.
    """
    (a, c), (b, d) = _pairs_of_words(key, low, high)
    return a, b, c, d


def _pairs_of_words(
    key: int, low: torch.Tensor, high: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first and third, and the second and fourth words, stacked."""
    halves = [low, torch.zeros_like(low) if high is None else high]
    # two words at a time take half as many operations: (a, c) and (b, d), and in every
    # second round the other way round, so that nothing has to be moved
    words = torch.stack([half & _LOW for half in halves])
    others = torch.stack([half >> 32 & _LOW for half in halves])
    products = torch.empty_like(words)
    factors = torch.tensor(_MULTIPLIERS, device=low.device).unsqueeze(1)
    for turn, keys in enumerate(_round_keys(key, low.device)):
        # a product wraps modulo 2**64; the mask cuts off the sign and what b and d have
        # in their upper halves
        torch.mul(words, factors if turn % 2 == 0 else factors.flip(0), out=products)
        torch.bitwise_right_shift(products, 32, out=words)
        words[0].bitwise_xor_(others[1])
        words[1].bitwise_xor_(others[0])
        words.bitwise_xor_(keys).bitwise_and_(_LOW)
        others, products = products, others
    return words, others.bitwise_and_(_LOW)


def _round_keys(key: int, device: torch.device) -> torch.Tensor:
    """Return what each round adds to its two words, in the order it has them in."""
    low, high = key & _LOW, key >> 32 & _LOW
    rows = []
    for turn in range(_ROUNDS):
        pair = [low + turn * _WEYL[0] & _LOW, high + turn * _WEYL[1] & _LOW]
        rows.append(pair[::-1] if turn % 2 == 0 else pair)
    return torch.tensor(rows, device=device).unsqueeze(2)
