"""Task vectors, read chunk by chunk: what an expert learnt, as a difference."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from mergekit_ext.errors import InputError


DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

# 1 MiB of float32: several fit in a core's cache; an accelerator wants longer runs
CPU_CHUNK = 1 << 18
ACCELERATOR_CHUNK = 1 << 24


@dataclass(frozen=True)
class TaskVector:
    """An expert minus its base, in float32 (float64 if either input is).

    Args:
        base: The base model's tensor: any shape, any strides, a dtype of ``DTYPES``.
        expert: The expert's tensor, of the same shape and on the same device.
        tensor_name: The tensor's name, for error messages.
        model: The expert's name, for error messages.
        base_model: The base model's name, for error messages.

    Raises:
        InputError: If the two do not match, or a dtype is not a real float.
    """

    base: torch.Tensor
    expert: torch.Tensor
    tensor_name: str = "?"
    model: str = "expert"
    base_model: str = "base"

    def __post_init__(self) -> None:
        for tensor, model in (
            (self.base, self.base_model),
            (self.expert, self.model),
        ):
            if tensor.dtype not in DTYPES:
                raise InputError(
                    f"Tensor {self.tensor_name!r} of {model!r} is {tensor.dtype};"
                    f" a merge takes {', '.join(str(dtype) for dtype in DTYPES)}."
                )
        if self.base.shape != self.expert.shape:
            raise InputError(
                f"Tensor {self.tensor_name!r} has shape {tuple(self.base.shape)} in"
                f" {self.base_model!r} but {tuple(self.expert.shape)} in"
                f" {self.model!r}."
            )
        if self.base.device != self.expert.device:
            raise InputError(
                f"Tensor {self.tensor_name!r} is on {self.base.device} for"
                f" {self.base_model!r} but on {self.expert.device} for {self.model!r}."
            )

    @property
    def numel(self) -> int:
        """The number of elements."""
        return self.base.numel()

    def chunk(self, start: int, stop: int) -> torch.Tensor:
        """Compute the elements ``start`` to ``stop`` in row-major order.

        Returns:
            A new one-dimensional tensor that the caller may change.

        Raises:
            InputError: If one of them is not a number.
        """
        dtype = work_dtype(self.base, self.expert)
        base = flat_slice(self.base, start, stop).to(dtype)
        delta = flat_slice(self.expert, start, stop).to(dtype).sub(base)
        # the sum is NaN wherever an element is; the reverse is not so
        if math.isnan(delta.sum().item()) and bool(delta.isnan().any()):
            self._reject(delta, start)
        return delta

    def _reject(self, delta: torch.Tensor, start: int) -> None:
        at = start + int(delta.isnan().to(torch.uint8).argmax())
        values = {
            self.base_model: flat_slice(self.base, at, at + 1),
            self.model: flat_slice(self.expert, at, at + 1),
        }
        nan = [model for model, value in values.items() if bool(value.isnan())]
        what = (
            f"is NaN in {' and '.join(map(repr, nan))}"
            if nan
            else f"is the same infinity in {self.base_model!r} and {self.model!r},"
            " so that their difference is no number"
        )
        raise InputError(
            f"Tensor {self.tensor_name!r}, element {at} {what}."
            " A merge would spread it: fetch or train that model again."
        )


def work_dtype(*tensors: torch.Tensor) -> torch.dtype:
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


def chunks(
    numel: int, device: torch.device, size: int | None = None
) -> Iterator[tuple[int, int]]:
    """Cut ``numel`` elements into runs ``(start, stop)`` that suit the device."""
    if size is None:
        size = CPU_CHUNK if device.type == "cpu" else ACCELERATOR_CHUNK
    for start in range(0, numel, size):
        yield start, min(start + size, numel)
