"""The tensors that go into a merge: what they must be, and how they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from mergekit_ext.dtypes import DTYPES
from mergekit_ext.errors import InputError


_TAKEN = tuple(getattr(torch, name) for name in DTYPES)


@dataclass(frozen=True)
class Input:
    """One model's version of a tensor.

    Args:
        tensor: Any shape, any strides, a dtype of ``DTYPES``.
        model: The model's name, for error messages.
    """

    tensor: torch.Tensor
    model: str


def check_inputs(name: str, inputs: Sequence[Input]) -> None:
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
