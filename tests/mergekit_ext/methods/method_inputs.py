"""Models to merge by a method, and a method's parameters told from a plain dict."""

from __future__ import annotations

from typing import Any

import torch

from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method import Method
from mergekit_ext.methods.method_catalogue import METHODS


FUSED: dict[str, Method] = {
    method.name.removeprefix("fused_"): method
    for method in METHODS
    if method.name.startswith("fused_")
}
# what a method cannot do without, beside weights
NEEDED: dict[str, dict[str, Any]] = {
    "nearswap": {"t": 1.0},
    "lines": {"layers": 2},
    "null_space_lines": {"layers": 2},
}
NAMES = ["base", "basque", "galician", "catalan", "spanish", "one more"]


def near(
    size: int, count: int = 2, dtype: torch.dtype = torch.float32, seed: int = 0
) -> list[torch.Tensor]:
    """A base and experts near it."""
    generator = torch.Generator().manual_seed(1009 * seed + size)
    base = torch.randn(size, generator=generator)
    noise = [torch.randn(size, generator=generator) * 0.01 for _ in range(count)]
    return [tensor.to(dtype) for tensor in (base, *(base + n for n in noise))]


def untied(size: int, count: int = 2) -> list[torch.Tensor]:
    """A base and experts without ties: mergekit's sort is not stable.

    Below 2**13 elements all are multiples of 2**-14 below 1, so that deltas, their sums
    and the products with short weights are exact, and no election can go either way.
    """
    generator = torch.Generator().manual_seed(size)
    base = torch.randint(2**13, (size,), generator=generator)
    deltas = [
        (1 + torch.randperm(size, generator=generator))
        * (torch.randint(2, (size,), generator=generator) * 2 - 1)
        for _ in range(count)
    ]
    return [tensor / 2**14 for tensor in (base, *(base + delta for delta in deltas))]


def merged(
    name: str,
    tensors: list[torch.Tensor],
    each: dict[str, list[Any]] | None = None,
    *,
    tensor_name: str | None = "w",
    keys: list[str] | None = None,
    **shared: Any,
) -> torch.Tensor:
    """Merge by a fused method.

    Args:
        name: Its name without ``fused_``.
        tensors: The base and the experts; where a base is ignored, experts all.
        each: Parameter name to a value for each expert.
        tensor_name: The tensor's name.
        keys: As ``Method`` takes them.
        shared: The merge's parameters; ``lambda_`` is ``lambda``.
    """
    method = FUSED[name]
    inputs = [Input(t, model) for t, model in zip(tensors, NAMES, strict=False)]
    base, *experts = [None, *inputs] if method.base == "ignored" else inputs
    each = each or {}
    columns = [
        {key: column[k] for key, column in each.items()} for k in range(len(experts))
    ]
    values = {key.rstrip("_"): value for key, value in shared.items()}
    pairs = list(zip(experts, columns, strict=True))
    return method(base, pairs, values, name=tensor_name, keys=keys)
