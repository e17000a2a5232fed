"""What a safetensors file says of itself: its length in 8 bytes, JSON, the data."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mergekit_ext.errors import InputError


# the library's own bound on a header
_MAX_HEADER = 100_000_000

# bytes of an element
ITEM = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip


@dataclass(frozen=True)
class TensorHeader:
    """What a safetensors header says of a tensor.

    Args:
        dtype: As in the file: ``"BF16"``, ``"F32"``, ….
        shape: Its shape.
        file: The file that holds it.
        begin: Where in the file its data begins.
        end: Where they end.
    """

    dtype: str
    shape: tuple[int, ...]
    file: Path
    begin: int = 0
    end: int = 0

    @property
    def elements(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


def read_header(model: str, path: Path) -> dict[str, TensorHeader]:
    """Read a header; of the data, check that they are all there and nothing else is.

    Raises:
        InputError: If the file is missing, broken or cut short.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_MAX_HEADER, size - 8):
                raise ValueError("its header is cut short")
            entries = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        headers = {
            name: _tensor(name, entry, path, 8 + length)
            for name, entry in entries.items()
        }
        _check_data(headers, 8 + length, size)
    except RecursionError:
        raise InputError(
            f"Model {model!r}: the header of {path} is no header."
        ) from None
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError,
        struct.error,
    ) as error:  # fmt: skip
        raise InputError(
            f"Model {model!r}: {path} is missing or no whole safetensors file"
            f" ({error}). Fetch the model again."
        ) from error
    return headers


def _tensor(name: str, entry: Any, path: Path, start: int) -> TensorHeader:
    shape = tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
        raise ValueError(f"the shape or place of {name!r} is no whole number")
    header = TensorHeader(entry["dtype"], shape, path, start + begin, start + end)
    item = ITEM.get(header.dtype)
    if item is not None and end - begin != item * header.elements:
        raise ValueError(f"{name!r} has {end - begin} bytes, not as many as its shape")
    return header


def _check_data(headers: dict[str, TensorHeader], start: int, size: int) -> None:
    at = start
    for name, header in sorted(headers.items(), key=lambda item: item[1].begin):
        if header.begin != at and header.end > header.begin:
            raise ValueError(f"the data of {name!r} overlap others or leave a gap")
        at = max(at, header.end)
    if at != size:
        raise ValueError(f"it has {size} bytes and should have {at}")
