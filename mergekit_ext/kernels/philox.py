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

Words = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


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


def keep_mask(
    key: int,
    start: int,
    stop: int,
    below: int,
    device: torch.device | None = None,
) -> torch.Tensor:
    """Return the mask of the elements ``start`` to ``stop`` of a tensor.

    Element ``i`` is kept where word ``i % 4`` of block ``i // 4`` lies below ``below``:
    an integer comparison, so that a density of 1 keeps every element and one of 0 none.
    The probability is met to within 2**-32.

    Args:
        key: The key, 64 bits; see ``mask_key``.
        start: The first element's index in row-major order.
        stop: The index after the last.
        below: 0 to 2**32; see ``threshold``.
        device: Where the mask is wanted; by default the CPU.

    Returns:
        A boolean tensor of ``stop - start`` elements.
    """
    first, last = start // _WORDS, -(-stop // _WORDS)
    keep = torch.empty((max(0, last - first), _WORDS), dtype=torch.bool, device=device)
    index = torch.arange(first, last, device=device)
    zero = torch.zeros_like(index)
    counter = (index & _LOW, index >> 32, zero, zero)
    for column, word in enumerate(philox(key, counter)):
        torch.lt(word, below, out=keep[:, column])
    return keep.view(-1)[start - first * _WORDS : stop - first * _WORDS]


def philox(key: int, counter: Words) -> Words:
    """Return the four 32-bit words of each counter, as int64.

    Args:
        key: The key, 64 bits; the low half is Random123's ``key[0]``.
        counter: Four int64 tensors of one shape, each value below 2**32.
    """
    low, high = key & _LOW, key >> 32 & _LOW
    a, b, c, d = counter
    for _ in range(_ROUNDS):
        # the product wraps modulo 2**64; an arithmetic shift and a mask undo the sign
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a = (right >> 32).bitwise_xor_(b).bitwise_xor_(low).bitwise_and_(_LOW)
        c = (left >> 32).bitwise_xor_(d).bitwise_xor_(high).bitwise_and_(_LOW)
        # their upper halves are cut off by the mask of the round after
        b, d = right, left
        low, high = low + _WEYL[0] & _LOW, high + _WEYL[1] & _LOW
    return a, b & _LOW, c, d & _LOW
