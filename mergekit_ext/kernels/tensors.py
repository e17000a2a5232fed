"""The tensors that go into a merge: what they must be, and how they are read.

Whole tensors are never copied: threads take a span each, and of a span a run at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import torch

from mergekit_ext.dtypes import DTYPES
from mergekit_ext.errors import InputError


Span = tuple[int, int]
Result = TypeVar("Result")

# the name of a tensor of the result -> memory for it, if there is some
Place = Callable[[str], torch.Tensor | None]

_TAKEN = tuple(getattr(torch, name) for name in DTYPES)
# elements at a time that are searched for the first NaN
_CHUNK = 1 << 20
# what a thread is worth starting for, and how many histograms may exist at a time
_SPAN, _MOST_SPANS = 1 << 17, 32


@dataclass(frozen=True)
class Input:
    """One model's version of a tensor.

    Args:
        tensor: Any shape, any strides, a dtype of ``DTYPES``.
        model: The model's name, for error messages.
    """

    tensor: torch.Tensor
    model: str


_PLACE: ContextVar[Place] = ContextVar("place", default=lambda _: None)


@contextmanager
def computed_at(place: Place) -> Iterator[None]:
    """Have the merges of the body, in this thread, write where their results belong."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


def new_result(name: str, inputs: Sequence[Input]) -> torch.Tensor:
    """Return memory for a result like the first input: where it belongs, or new.

    No input is overwritten that is still to be read.
    """
    like, found = inputs[0].tensor, _PLACE.get()(name)
    if (
        found is not None
        and (found.dtype, found.shape, found.device)
        == (like.dtype, like.shape, like.device)
        and found.is_contiguous()
        and all(_apart(found, one.tensor) for one in inputs)
    ):
        return found
    return torch.empty(like.shape, dtype=like.dtype, device=like.device)


def _apart(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() != other.untyped_storage().data_ptr()


def check_tensors(name: str, inputs: Sequence[Input]) -> None:
    """Check that tensors can be merged: real floats, one shape, one device.

    Args:
        name: The tensor's name, for the message.
        inputs: The versions of it; the first is the one that others are held against.

    Raises:
        InputError: At the first that does not fit, naming it and both models.
    """
    for one in inputs:
        if one.tensor.dtype not in _TAKEN:
            raise InputError(
                f"Tensor {name!r} of {one.model!r} is {one.tensor.dtype};"
                f" a merge takes {', '.join(str(dtype) for dtype in _TAKEN)}."
            )
        first = inputs[0]
        if one.tensor.shape != first.tensor.shape:
            raise InputError(
                f"Tensor {name!r} has shape {tuple(first.tensor.shape)} in"
                f" {first.model!r} but {tuple(one.tensor.shape)} in {one.model!r}."
            )
        if one.tensor.device != first.tensor.device:
            raise InputError(
                f"Tensor {name!r} is on {first.tensor.device} for {first.model!r}"
                f" but on {one.tensor.device} for {one.model!r}."
            )


def not_a_number(name: str, inputs: Sequence[Input]) -> str:
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


def work_dtype(tensors: Sequence[torch.Tensor]) -> torch.dtype:
    """Return the dtype to compute in: float64 if any input is, else float32."""
    double = any(tensor.dtype == torch.float64 for tensor in tensors)
    return torch.float64 if double else torch.float32


def flat_slice(tensor: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """Return the elements ``start`` to ``stop`` in row-major order.

    A view where the strides allow one; else a copy of those elements alone, so that a
    transposed tensor never costs a second full-size one.
    """
    if tensor.is_contiguous():
        return tensor.view(-1)[start:stop]
    row = math.prod(tensor.shape[1:])
    first, last = start // row, (stop - 1) // row
    if first == last:
        return flat_slice(tensor[first], start - first * row, stop - first * row)
    pieces = [
        flat_slice(tensor[first], start - first * row, row),
        tensor[first + 1 : last].reshape(-1),
        flat_slice(tensor[last], 0, stop - last * row),
    ]
    return torch.cat(pieces)


def chunks(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a span into runs ``(start, stop)`` of at most ``size`` elements."""
    for at in range(start, stop, size):
        yield at, min(at + size, stop)


def spans(numel: int, threads: int, unit: int = 4096) -> list[Span]:
    """Cut a tensor into at most ``threads`` spans, or fewer where it is small.

    Args:
        numel: How many elements it has.
        threads: How many spans there may be.
        unit: What they begin at multiples of.
    """
    count = max(1, min(threads, _MOST_SPANS, numel // _SPAN))
    size = -(-numel // count // unit) * unit
    return list(chunks(0, numel, size)) if numel else [(0, 0)]


def each(over: Sequence[Span], work: Callable[[int, Span], Result]) -> list[Result]:
    """Do a work for every span, given its index, one thread to a span."""
    if len(over) == 1:
        return [work(0, over[0])]
    with ThreadPoolExecutor(len(over)) as pool:
        return list(pool.map(work, range(len(over)), over))


def _first(
    tensor: torch.Tensor, test: Callable[[torch.Tensor], torch.Tensor]
) -> int | None:
    for start, stop in chunks(0, tensor.numel(), _CHUNK):
        found = test(flat_slice(tensor, start, stop))
        if bool(found.any()):
            return start + int(found.to(torch.uint8).argmax())
    return None
