"""Merges to compare backends on, and how a result is compared: bit for bit."""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest import mock

import torch

from mergekit_ext.kernels import reference
from mergekit_ext.kernels.backends import Backend, merge_terms
from mergekit_ext.kernels.philox import words
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Band, Dropout, Merge, RankDropout, Term


F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
# beyond this many elements the scalar Philox of the reference takes too long
_SCALAR = 5_000


def normal(size: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7919 * seed + size)
    return torch.randn(size, generator=generator).mul_(scale)


def family(size: int, *dtypes: torch.dtype) -> list[torch.Tensor]:
    """A base and fine-tuned experts, which share each fifth weight with it."""
    base = normal(size)
    experts = [base + normal(size, k, 1e-2) for k in range(1, len(dtypes))]
    for expert in experts:
        expert[::5] = base[::5]
    return [t.to(dtype) for t, dtype in zip([base, *experts], dtypes, strict=True)]


def merge_of(tensors: list[torch.Tensor], case: dict[str, Any]) -> Merge:
    """Return the merge that a row of ``merges.jsonl`` describes.

    Args:
        tensors: A base, and more experts than the row has weights; the first serve.
        case: ``weights``, ``keep`` (one for each, or fewer, in turns) and options.
    """
    base, *experts = tensors
    keeps = [_keep(one, base.numel()) for one in case.get("keep", [None])]
    terms = tuple(
        Term(
            Input(experts[k % len(experts)], f"e{k}"),
            weight,
            keeps[k % len(keeps)],
            case.get("scale", 1.0),
            case.get("rescale", False),
        )
        for k, weight in enumerate(case["weights"])
    )
    options = {k: case[k] for k in ("elect", "normalize", "factor") if k in case}
    start = Input(base, "base") if case.get("base", True) else None
    return Merge("w", start, terms, **options)


def _keep(spec: list[Any] | None, size: int) -> Band | Dropout | RankDropout | None:
    if spec is None:
        return None
    kind, *values = spec
    if kind == "rank":  # in the longest rows that there can be, up to some length
        key, density, epsilon, longest, rescale = values
        lengths = range(1, min(longest, size) + 1)
        row = max((one for one in lengths if size % one == 0), default=1)
        return RankDropout(int(key, 16), row, density, epsilon, rescale)
    if kind == "drop":
        return Dropout(int(values[0], 16), int(values[1] * 2**32))
    kept, top = int(values[0] * size), int(values[1] * size)
    first = max(0, size - kept - top)
    return Band(first, first + kept)


def expected(what: Merge) -> torch.Tensor:
    """Return the reference's result; masks that are long or known are not redone."""
    with mock.patch.object(reference, "_words", _words):
        return reference.merge(what)


def _words(key: int, size: int) -> list[int]:
    if size > _SCALAR:
        return words(key, 0, size, torch.device("cpu")).tolist()
    return _scalar_words(key)[:size]


@cache
def _scalar_words(key: int) -> list[int]:
    blocks = [reference.philox(key, index) for index in range(_SCALAR // 4 + 1)]
    return [word for block in blocks for word in block]


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are the same, and zeros and infinities have one sign."""
    assert (one.dtype, one.shape) == (other.dtype, other.shape)
    integers = _INTEGERS[one.element_size()]
    return torch.equal(one.contiguous().view(integers), other.view(integers))


def check(what: Merge, backend: Backend) -> None:
    """Check one backend's result."""
    merged = merge_terms(what, backend)
    assert merged.is_contiguous()
    assert not merged.requires_grad
    want = expected(what)
    assert torch.equal(merged, want)
    assert same_bits(merged, want)
