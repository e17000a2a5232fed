"""The CUDA kernels against plain PyTorch, bit for bit.

The methods and tensors are ``gpu_timing``'s too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from mergekit_ext.kernels import reference
from mergekit_ext.kernels.backends import TORCH
from mergekit_ext.kernels.gpu import cuda
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Band, Dropout, Merge, Term


F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
SIZES = (0, 1, 63, 4097, 5_000_017)
MIXES = ((F32, F32, F32), (BF16, BF16, BF16), (F16, F16, F16), (BF16, F32, F16))
HALF = 1 << 31  # of the 2**32 random words
HUGE = (1 << 31) + 4096 + 16
# base, expert, two results, and room to make them
HUGE_BYTES = 12 * HUGE
_SMALL = 4097

Tensors = list[torch.Tensor]
Flagged = tuple[torch.Tensor, "torch.Tensor | bool"]


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


def same(found: Flagged, expected: Flagged) -> bool:
    """Return whether two results have the same bits, or both are flagged as NaN."""
    (one, nan), (other, bad) = found, expected
    if bool(nan) or bool(bad):
        return bool(nan) == bool(bad)
    integers = torch.int16 if one.element_size() == 2 else torch.int32
    other = other.to(one.device)
    return one.dtype == other.dtype and torch.equal(
        one.view(integers), other.view(integers)
    )


def without_waiting(run: Callable[[], Flagged]) -> Flagged:
    """Run twice, the second time with any wait for the device an error."""
    first = run()
    if not first[0].is_cuda:
        return first
    torch.cuda.set_sync_debug_mode("error")
    try:
        return run()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def merge_is_right(what: Merge, device: str) -> bool:
    """Return whether the device merges as the CPU does, and the reference if small."""
    there = moved(what, device)
    found = without_waiting(lambda: cuda.merge_terms(there))
    expected = TORCH.merge(what)
    if not same(found, expected):
        return False
    if bool(expected[1]) or what.like.numel() > _SMALL:
        return True
    return same(found, (reference.merge(what), False))


def ratios_are_right(what: Merge, device: str) -> bool:
    """Return whether the L1 ratios are the CPU's, exactly."""
    terms = tuple(replace(term, rescale=True) for term in what.terms)
    what = replace(what, terms=terms)
    return cuda.ratios(moved(what, device)) == TORCH.ratios(what)


def nearswap_is_right(tensors: Tensors, device: str) -> bool:
    """Return whether nearswap is the CPU's."""
    base, other = (tensor.to(device) for tensor in tensors[:2])
    found = without_waiting(lambda: cuda.nearswap(base, other, 1e-3))
    return same(found, TORCH.nearswap(tensors[0], tensors[1], 1e-3))


def check_cases(
    device: str = "cuda", sizes: Sequence[int] = SIZES
) -> tuple[int, list[str]]:
    """Compare every method on every hard case; return how many, and what differs."""
    count, wrong = 0, []
    for name, tensors in hard_cases(sizes):
        checks: dict[str, bool] = {"nearswap": nearswap_is_right(tensors, device)}
        for method in METHODS:
            what = method.merge(tensors)
            checks[method.name] = merge_is_right(what, device)
            nan = checks[method.name] and bool(TORCH.merge(what)[1])
            if what.base is not None and not nan:
                checks[f"ratios of {method.name}"] = ratios_are_right(what, device)
        count += len(checks)
        wrong += [f"{check}, {name}" for check, right in checks.items() if not right]
    return count, wrong


def check_huge(size: int = HUGE, device: str = "cuda") -> tuple[int, list[str]]:
    """Compare tensors of more than 2**31 elements with plain PyTorch on the GPU.

    A repeated tensor has ties everywhere; its end is marked, so that it is no other
    part of it.
    """
    part = tuned(min(size // 2, 1 << 20), (BF16, BF16), device)
    repeats = -(-size // len(part[0]))
    tensors = [tensor.repeat(repeats)[:size] for tensor in part]
    tensors[1][-16:] *= 1.5
    names = {"task_arithmetic", "breadcrumbs", "dare_ties"}
    chosen: list[Method] = [m for m in METHODS if m.name in names]
    wrong = []
    for method in chosen:
        what = method.merge(tensors)
        if not same(cuda.merge_terms(what), TORCH.merge(what)):
            wrong.append(f"{method.name}, {size} elements")
    return len(chosen), wrong
