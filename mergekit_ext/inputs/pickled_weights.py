"""Weights in ``.bin`` files: read as tensors alone, whatever else the pickle asks for.

mergekit's lazy unpickler knows the classes that tensors are made of and refuses every
other, so that nothing in a file is run. From Python 3.13 on it reads nothing lazily, as
an unpickler's own ``persistent_load`` no longer comes before the one that torch sets;
there torch's reading of weights alone, which mergekit has as well, takes its place.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from mergekit_ext.compat import attribute, lent, part
from mergekit_ext.errors import InputError
from mergekit_ext.inputs.finiteness import LIMITS, first_not_finite
from mergekit_ext.inputs.safetensors_header import ITEM, TensorHeader


FILE_DTYPES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16",
    torch.int32: "I32", torch.int64: "I64", torch.float16: "F16",
    torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64",
}  # fmt: skip

# whether mergekit is to be told to read lazily, which takes less memory
LAZILY = sys.version_info < (3, 13)

# the lazy unpickler puts itself in the place of pickle's while it opens a file
_TURN = threading.RLock()


@contextmanager
def opened_in_turn() -> Iterator[None]:
    """Let mergekit wait, as we do, until nobody else opens a pickle lazily.

    Two at a time would each put back what the other has put in the place of pickle's
    own reading. Bodies may be nested, and overlap in several threads; merges outside of
    any do not wait.
    """
    with lent(attribute(part("io.loader"), "LazyPickleLoader"), "__init__", _in_turn):
        yield


def _in_turn(original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        with _TURN:
            original(self, *args, **options)

    return __init__


def is_pickled(path: Path) -> bool:
    """Whether a file of weights is a pickle."""
    return path.suffix == ".bin"


def read_pickled(model: str, path: Path) -> dict[str, TensorHeader]:
    """Read names, dtypes and shapes; as for their place, the size alone is true.

    Raises:
        InputError: If it is missing or holds anything but tensors.
    """
    found = {}
    for name, entry in _entries(_open(model, path)).items():
        known: Any = getattr(entry, "dtype", None)
        dtype = FILE_DTYPES.get(known)
        if dtype is None or entry.shape is None:
            raise _no_weights(model, path, f"{name!r} is no tensor")
        header = TensorHeader(dtype, tuple(entry.shape), path)
        size = header.elements * ITEM[dtype]
        found[str(name)] = TensorHeader(dtype, header.shape, path, 0, size)
    return found


def check_pickled(model: str, path: Path) -> Iterator[None]:
    """Refuse NaN and infinities; yields after each tensor.

    Raises:
        InputError: Naming the model, the tensor, the element and the file.
    """
    loader = _open(model, path)
    for name, header in read_pickled(model, path).items():
        if header.dtype in LIMITS and header.elements:
            bad = first_not_finite(_bytes(loader, name), header.dtype)
            if bad is not None:
                raise InputError(
                    f"Model {model!r}: {name!r} holds {bad[1]} at element {bad[0]}, in"
                    f" {path}. A merge would spread it: fetch or train that model"
                    " again."
                )
        yield


def pickled_tensors(model: str, path: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a file, each with memory of its own.

    Raises:
        InputError: If it is missing or holds anything but tensors.
    """
    headers, loader = read_pickled(model, path), _open(model, path)
    return {
        name: _tensor(loader, name).reshape(header.shape).clone()
        for name, header in headers.items()
    }


def _entries(loader: Any) -> Any:
    return loader.index if LAZILY else loader.tensors


def _tensor(loader: Any, name: str) -> Any:
    if LAZILY and not loader.index[name].shape:  # of which its loader makes nothing
        loader.index[name].shape = (1,)
        loader.index[name].stride = (1,)
    return loader.get_tensor(name).contiguous()


def _bytes(loader: Any, name: str) -> Any:
    return _tensor(loader, name).view(-1).view(torch.uint8).numpy()


def _open(model: str, path: Path) -> Any:
    try:
        with _TURN:
            kind = "LazyPickleLoader" if LAZILY else "DumbPytorchLoader"
            loader = attribute(part("io.loader"), kind)(str(path), "cpu")
        _entries(loader).items()
    except Exception as error:  # of zipfile, pickle and torch
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _no_weights(model, path, first) from error
    return loader


def _no_weights(model: str, path: Path, why: str) -> InputError:
    return InputError(
        f"Model {model!r}: {path} is missing or not a file of tensors alone ({why})."
        " Save the model again as safetensors."
    )
