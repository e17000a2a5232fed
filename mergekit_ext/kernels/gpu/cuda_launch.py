"""How kernels are launched: block sizes, grids, and what stands for a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from mergekit_ext.kernels.terms import Band, Dropout, Merge


# two bits a term, in the order of triton_plan's EVERYTHING, BAND, DROPOUT
_KINDS = {type(None): 0, Band: 1, Dropout: 2}


@dataclass(frozen=True)
class Launch:
    """Sizes of a launch, all powers of two but the last three. They change no bit.

    Args:
        block: Elements at a time.
        warps: Warps of a program.
        sample: Elements that are looked at to guess where a cut is.
        bins: Bins between two bounds of a cut, at least 2**16.
        copies: Copies of each histogram.
        sampled_from: The size from which a sample is drawn.
        residents: Programs on a multiprocessor, where programs take several blocks.
        deviations: How far from a rank the bounds lie in the sample, in standard
            deviations.
    """

    block: int = 4096
    warps: int = 8
    sample: int = 1 << 14
    bins: int = 1 << 16
    copies: int = 8
    sampled_from: int = 1 << 20
    residents: int = 8
    deviations: float = 6.0

    def for_last_pass(self, what: Merge) -> Launch:
        """Return sizes for the pass that merges: what needs registers gets more."""
        masked = any(term.keep is not None for term in what.terms)
        if len(what.terms) <= 4 and not what.elect and not masked:
            return self
        return replace(self, block=max(16, self.block // 2))

    def blocks(self, size: int) -> int:
        """Return how many blocks a tensor has."""
        return -(-size // self.block)

    def programs(self, tensor: torch.Tensor) -> int:
        """Return how many programs share the blocks of a tensor."""
        at_once = 3  # an interpreter runs one after the other
        if tensor.device.type == "cuda":
            properties = torch.cuda.get_device_properties(tensor.device)
            at_once = properties.multi_processor_count * self.residents
        return max(1, min(at_once, self.blocks(tensor.numel())))


LAUNCH = Launch()


@dataclass(frozen=True)
class Operands:
    """The inputs of a merge as kernels take them.

    Args:
        base: The base, or an expert where there is none.
        experts: One tensor for each term.
        size: Elements of each.
        constants: The kernels' ``BASE``, ``TERMS`` and ``KEEPS``.
    """

    base: torch.Tensor
    experts: tuple[torch.Tensor, ...]
    size: int
    constants: dict[str, Any]


def operands(what: Merge) -> Operands:
    """Return what the kernels of a merge read."""
    experts = tuple(as_bits(term.expert.tensor) for term in what.terms)
    keeps = (_KINDS[type(term.keep)] << 2 * k for k, term in enumerate(what.terms))
    constants = {
        "BASE": what.base is not None,
        "TERMS": len(experts),
        "KEEPS": sum(keeps),
    }
    base = experts[0] if what.base is None else as_bits(what.base.tensor)
    return Operands(base, experts, what.like.numel(), constants)


def as_bits(tensor: torch.Tensor) -> torch.Tensor:
    """Return bfloat16 as the int16 that ``triton_floats`` expects, others as are."""
    tensor = tensor.detach()
    return tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor


@contextmanager
def on_device(tensor: torch.Tensor) -> Iterator[None]:
    """Launch on the device of a tensor."""
    if tensor.device.type != "cuda":
        yield
        return
    with torch.cuda.device(tensor.device):
        yield


def run(
    kernel: Any, programs: int, *arguments: Any, warps: int, **constants: Any
) -> None:
    """Launch a kernel of that many programs; nothing is fused to a multiply-add."""
    kernel[(programs,)](
        *arguments, **constants, num_warps=warps, enable_fp_fusion=False
    )
