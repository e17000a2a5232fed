"""The one way into the kernels: picks a backend, words what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import torch

from mergekit_ext.errors import InputError
from mergekit_ext.kernels.backends import Backend, pick
from mergekit_ext.kernels.inputs import Input, chunks, flat_slice
from mergekit_ext.kernels.terms import Merge, Term


_CHUNK = 1 << 20


@torch.no_grad()
def merge_terms(what: Merge, backend: Backend | None = None) -> torch.Tensor:
    """Merge one tensor, as ``terms`` says; no gradient is recorded.

    Args:
        what: The merge.
        backend: Who computes; by default the fastest that can. It changes no bit.

    Returns:
        A new contiguous tensor of the shape, dtype and device of ``what.like``.

    Raises:
        InputError: If an input holds NaN, or infinities meet so that the result would.
    """
    backend = backend or pick(what)
    if any(term.rescale for term in what.terms):
        what = what.with_scales(backend.ratios(what))
    merged, bad = backend.merge(what)
    if bool(bad):
        raise InputError(_not_a_number(what.name, what.inputs))
    return merged


@torch.no_grad()
def nearswap(
    name: str, base: Input, other: Input, t: float, backend: Backend | None = None
) -> torch.Tensor:
    """Move ``base`` towards ``other`` where they are near; see the method of that name.

    Returns:
        A new contiguous tensor of the shape, dtype and device of ``base``.

    Raises:
        InputError: If the two do not fit each other, or one holds NaN.
    """
    what = Merge(name, base, (Term(other, 1.0),))
    merged, bad = (backend or pick(what)).nearswap(base.tensor, other.tensor, t)
    if bool(bad):
        raise InputError(_not_a_number(name, [base, other]))
    return merged


def _not_a_number(name: str, inputs: list[Input]) -> str:
    """Say where the first NaN is, and in which model."""
    for one in inputs:
        at = _first(one.tensor, torch.isnan)
        if at is not None:
            return (
                f"Tensor {name!r}, element {at} is NaN in {one.model!r}. A merge would"
                " spread it: fetch or train that model again."
            )
    infinite = [one for one in inputs if _first(one.tensor, torch.isinf) is not None]
    models = " and ".join(repr(one.model) for one in infinite or inputs)
    what = "infinities in" if infinite else "the sum overflows for"
    return (
        f"Tensor {name!r}: {what} {models}, so that an element of the result would be"
        " no number. Fetch or train these models again, or merge with smaller weights."
    )


def _first(
    tensor: torch.Tensor, test: Callable[[torch.Tensor], torch.Tensor]
) -> int | None:
    for start, stop in chunks(0, tensor.numel(), _CHUNK):
        found = test(flat_slice(tensor, start, stop))
        if bool(found.any()):
            return start + int(found.to(torch.uint8).argmax())
    return None
