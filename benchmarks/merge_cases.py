"""What ``merge.py`` merges, as data: methods, their parameters and bytes, tensors.

Nothing here imports mergekit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch


TENSOR: Final = "model.layers.4.mlp.up_proj.weight"
# sums of few powers of two: no election hangs on the rounding of a product
_WEIGHTS: Final = (0.5, 0.75, 0.625, 0.875)
_CHUNK: Final = 1 << 22


@dataclass(frozen=True)
class Case:
    """A method as it is measured.

    Args:
        name: mergekit's name of it.
        ours: Our name of it.
        per_model: Parameters of each model, cycled through.
        shared: Parameters of the merge.
        passes: How often each input has to be read: twice where a cut has to be known
            before the first element can be written, because no cache holds a tensor.
        base: Whether the base is a base; else it is one more model.
        exactly: How many experts it takes beside the base; ``None`` for any.
        random: Whether what is kept is drawn.
        stock: Whether mergekit has it.
        may_differ: The share of elements that may differ from mergekit's in 16 bits,
            because it rounds differences and products, which also makes ties.
        may_be_apart: The share that may differ by more than two units in the last
            place of the larger of base and result, in any dtype.
    """

    name: str
    ours: str
    per_model: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    base: bool = True
    exactly: int | None = None
    random: bool = False
    stock: bool = True
    may_differ: float = 0.02
    may_be_apart: float = 0.001

    def taken(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the base and as many experts as the method takes."""
        return list(tensors if self.exactly is None else tensors[: 1 + self.exactly])

    def values(self, count: int) -> dict[str, dict[str, Any]]:
        """Return each parameter's value for each of ``count`` models with the base."""
        models = model_names(count)[1 if self.base else 0 :]
        return {
            name: {model: given[k % len(given)] for k, model in enumerate(models)}
            for name, given in self.per_model.items()
        }

    def bytes_moved(self, tensors: Sequence[torch.Tensor]) -> int:
        """Return the bytes that have to be read and written."""
        taken = self.taken(tensors)
        inputs = sum(tensor.numel() * tensor.element_size() for tensor in taken)
        return inputs * self.passes + taken[0].numel() * taken[0].element_size()


_WEIGHT: Final = {"weight": _WEIGHTS}
_HALF: Final = {"weight": _WEIGHTS, "density": (0.5,)}
_BAND: Final = {"weight": _WEIGHTS, "density": (0.9,), "gamma": (0.01,)}
# layer 4 is one of those that are averaged
_SWAP: Final = {"layers": 32, "bottom": 4, "top": 4, "transition": 2}

_CASES: Final = (
    Case("linear", "fused_linear", _WEIGHT, base=False, may_differ=0.001),
    Case("task_arithmetic", "fused_task_arithmetic", _WEIGHT),
    Case(
        "ties", "fused_ties", _HALF, passes=2, may_differ=0.25, may_be_apart=0.03
    ),
    Case("dare_linear", "fused_dare_linear", _HALF, random=True),
    Case("dare_ties", "fused_dare_ties", _HALF, random=True),
    Case(
        "breadcrumbs", "fused_breadcrumbs", _BAND, passes=2,
        may_differ=0.05, may_be_apart=0.01,
    ),
    Case(
        "breadcrumbs_ties", "fused_breadcrumbs_ties", _BAND, passes=2,
        may_differ=0.05, may_be_apart=0.01,
    ),
    Case(
        "nearswap", "fused_nearswap", shared={"t": 1e-4}, exactly=1, may_differ=0.4,
    ),
    Case(
        "layer_swap", "layer_swap", {"role": ("task", "language")}, _SWAP, base=False,
        exactly=1, stock=False,
    ),
)  # fmt: skip
CASES: Final = {case.name: case for case in _CASES}


def model_names(count: int) -> list[str]:
    """Return the names of the base and of its experts."""
    return ["base", *(f"expert_{k}" for k in range(1, count))]


def family(
    elements: int, experts: int, dtype: torch.dtype, key: str = "family"
) -> list[torch.Tensor]:
    """Return a base as wide as a model's weights and experts a hundredth away."""
    names = model_names(experts + 1)
    tensors = [torch.empty(elements, dtype=dtype) for _ in names]
    draws = [generator(key, name) for name in names]
    for start in range(0, elements, _CHUNK):
        size = min(_CHUNK, elements - start)
        base = torch.randn(size, generator=draws[0]).mul_(0.02)
        tensors[0][start : start + size] = base
        for tensor, draw in zip(tensors[1:], draws[1:], strict=True):
            noise = torch.randn(size, generator=draw).mul_(0.0002)
            tensor[start : start + size] = noise.add_(base)
    return tensors


def untied_family(elements: int, experts: int) -> list[torch.Tensor]:
    """Return float32 tensors whose task vectors are exact and hold no magnitude twice.

    All are multiples of 2**-20, and below 2**24 of them.
    """
    if elements > 2**23:
        raise ValueError(f"{elements} elements have no distinct magnitudes in 23 bits.")
    draw = generator("untied")
    base = torch.randint(2**18, (elements,), generator=draw)
    deltas = [
        torch.randperm(elements, generator=draw)
        * (torch.randint(2, (elements,), generator=draw) * 2 - 1)
        for _ in range(experts)
    ]
    return [tensor / 2**20 for tensor in (base, *(base + delta for delta in deltas))]


def generator(*key: str) -> torch.Generator:
    """Return a generator of its own for a key."""
    digest = hashlib.blake2b("/".join(key).encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def parse_elements(text: str) -> int:
    """Read a number of elements; K and M are 2**10 and 2**20.

    Raises:
        ValueError: If it is none, or below 1.
    """
    unit = {"K": 10, "M": 20}.get(text[-1:].upper())
    value = float(text[:-1]) * 2**unit if unit else float(text)
    if not math.isfinite(value) or value < 1 or value != int(value):
        raise ValueError(f"{text!r} is no number of elements; one is 200000, or 16M.")
    return int(value)
