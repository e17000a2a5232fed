"""The buffers of one block for the passes in plain PyTorch."""

from __future__ import annotations

import torch


class Rows:
    """Buffers for one block: a row for each term, their sum, the base, and bits.

    Kept from block to block, because fresh memory costs more than the arithmetic.
    """

    def __init__(self, terms: int, size: int, like: torch.Tensor, dtype: torch.dtype):
        def new(*shape: int, dtype: torch.dtype) -> torch.Tensor:
            return torch.empty(shape, dtype=dtype, device=like.device)

        self.terms = new(terms, size, dtype=dtype)
        self.total = new(size, dtype=dtype)
        self.base = new(size, dtype=dtype)
        self.sign = new(size, dtype=dtype)
        self.spare = new(2, size, dtype=dtype)
        self.bits = new(2, size, dtype=torch.int32)
        self.span = (-1, -1)
