"""Tensors and merges for ``gpu_check``: hard ones to compare, large ones to time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from mergekit_ext.kernels.inputs import Input
from mergekit_ext.kernels.terms import Band, Dropout, Merge, Term


F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
SIZES = (0, 1, 63, 4097, 5_000_017)
MIXES = ((F32, F32, F32), (BF16, BF16, BF16), (F16, F16, F16), (BF16, F32, F16))
HALF = 1 << 31  # of the 2**32 random words

Tensors = list[torch.Tensor]


@dataclass(frozen=True)
class Method:
    """A merge method as a shape of ``Merge``.

    Args:
        name: The name of the stock method.
        keep: ``band``, ``top``, ``random`` or nothing.
        elect: Elect a sign.
        base: Whether it starts from the first tensor.
        settings: Its parameters in mergekit.
    """

    name: str
    keep: str = ""
    elect: bool = False
    base: bool = True
    settings: tuple[tuple[str, object], ...] = ()

    def merge(self, tensors: Tensors) -> Merge:
        """Return the merge of a base and experts."""
        inputs = [Input(tensor, f"m{k}") for k, tensor in enumerate(tensors)]
        start = inputs.pop(0) if self.base else None
        size = tensors[0].numel()
        scale = 2.0 if self.keep == "random" else 1.0
        terms = tuple(
            Term(one, 0.4 + 0.2 * k, self._keep(size, k), scale)
            for k, one in enumerate(inputs)
        )
        normalize = self.elect or not self.base
        return Merge(self.name, start, terms, self.elect, normalize)

    def _keep(self, size: int, index: int) -> Band | Dropout | None:
        kept, top = size // 2, size // 100
        first = max(0, size - kept - top)
        keeps = {
            "band": Band(first, first + kept),
            "top": Band(size - kept, size),
            "random": Dropout(2**63 + 12345 + index, HALF),
        }
        return keeps.get(self.keep)


_HALF = ("density", 0.5)
_SUM = ("normalize", False)
_MEAN = ("normalize", True)
METHODS = (
    Method("linear", base=False, settings=(_MEAN,)),
    Method("task_arithmetic", settings=(_SUM,)),
    Method("ties", "top", elect=True, settings=(_HALF, _MEAN)),
    Method("dare_linear", "random", settings=(_HALF, _SUM)),
    Method("dare_ties", "random", elect=True, settings=(_HALF, _MEAN)),
    Method("breadcrumbs", "band", settings=(_HALF, ("gamma", 0.01), _SUM)),
    Method("breadcrumbs_ties", "band", True, settings=(_HALF, ("gamma", 0.01), _MEAN)),
)


def tuned(size: int, dtypes: tuple[torch.dtype, ...], device: str = "cpu") -> Tensors:
    """Return a base and its fine-tuned children, which share a fifth of its weights."""
    generator = torch.Generator(device).manual_seed(size)

    def noise(scale: float) -> torch.Tensor:
        shape = (size,)
        return torch.randn(shape, generator=generator, device=device).mul_(scale)

    base = noise(0.02).to(dtypes[0])
    children = [(base.float() + noise(1e-3)).to(dtype) for dtype in dtypes[1:]]
    for child in children:
        child[::5] = base[::5].to(child.dtype)
    return [base, *children]


def hard_cases(sizes: Sequence[int] = SIZES) -> Iterator[tuple[str, Tensors]]:
    """Yield tensors of every size and dtype, and ones full of ties and extremes."""
    for size in sizes:
        for dtypes in MIXES:
            yield (
                f"{size} of {'/'.join(str(d)[6:] for d in dtypes)}",
                tuned(size, dtypes),
            )
    many = max(sizes) // 16 + 3
    for value in (0.0, -0.0, 1.5, 2.0**-149, 3e38):
        base = torch.zeros(many)
        children = [torch.full((many,), value), torch.full((many,), -value)]
        yield f"all {value}", [base, *children]
        yield f"all {value} in bf16", [t.to(BF16) for t in (base, *children)]
    generator = torch.Generator().manual_seed(7)
    bits = torch.randint(0, 0x7F7FFFFF, (3, many), generator=generator)
    signs = torch.randint(0, 2, (3, many), generator=generator) * 2 - 1
    extreme = bits.int().view(F32) / 4 * signs
    yield "any bits", [*extreme]
    yield "any bits to bf16", [extreme[0].to(BF16), extreme[1], extreme[2]]
    yield "subnormals", [*(bits & 0x7FFFFF).int().view(F32)]


def moved(what: Merge, device: str) -> Merge:
    """Return the same merge on another device."""

    def there(one: Input) -> Input:
        return replace(one, tensor=one.tensor.to(device))

    terms = tuple(replace(term, expert=there(term.expert)) for term in what.terms)
    return replace(what, base=what.base and there(what.base), terms=terms)
