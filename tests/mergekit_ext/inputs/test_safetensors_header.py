"""What is taken for a safetensors file and what is not."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.safetensors_header import ITEM, read_header


def write(folder: Path, entries: dict[str, Any], data: int) -> Path:
    header = json.dumps(entries).encode()
    path = folder / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(data))
    return path


def entry(begin: int, end: int, shape: list[Any], dtype: str = "F16") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_tensors_are_where_the_header_says(tmp_path: Path) -> None:
    tensors = {
        "a": torch.arange(6, dtype=torch.float32).view(2, 3),
        "b": torch.ones(5, dtype=torch.bfloat16),
        "none": torch.zeros(0, 4),
        "flag": torch.tensor([True]),
    }
    save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "pt"})
    headers = read_header("m", tmp_path / "x.safetensors")
    content = (tmp_path / "x.safetensors").read_bytes()
    for name, tensor in tensors.items():
        header = headers[name]
        assert (header.shape, header.elements) == (tuple(tensor.shape), tensor.numel())
        raw = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        assert content[header.begin : header.end] == raw
        assert header.end - header.begin == ITEM[header.dtype] * header.elements


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x02\0\0\0\0\0\0\0{}more than the header says",
        b'\x0c\0\0\0\0\0\0\0{"a": "text"}',
        b"\x04\0\0\0\0\0\0\0\xe1\xe1\xe1\xe1",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
)
def test_files_that_are_no_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"Model 'm': .*x.safetensors"):
        read_header("m", tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("entries", "data", "message"),
    [
        ({"a": entry(0, 4, [3])}, 4, "'a' has 4 bytes, not as many as its shape"),
        ({"a": entry(0, 4, [2]), "b": entry(2, 6, [2])}, 6, "overlap others"),
        ({"a": entry(0, 4, [2]), "b": entry(6, 10, [2])}, 10, "leave a gap"),
        ({"a": entry(0, 4, [2])}, 3, "bytes and should have"),
        ({"a": entry(0, 4, [2])}, 5, "bytes and should have"),
        ({"a": entry(0, 4, [-2])}, 4, "no whole number"),
        ({"a": entry(0, 4, [2.0])}, 4, "no whole number"),
        ({"a": entry(0, 4, [True, 2])}, 4, "no whole number"),
        ({"a": {"dtype": "F16", "shape": [2]}}, 4, "data_offsets"),
    ],
)
def test_headers_that_do_not_fit_the_data(
    tmp_path: Path, entries: dict[str, Any], data: int, message: str
) -> None:
    path = write(tmp_path, entries, data)
    with pytest.raises(InputError, match=message):
        read_header("m", path)


def test_a_dtype_of_tomorrow_is_let_through(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": entry(0, 3, [4], "F6_E2M3")}, 3)
    assert read_header("m", path)["a"].dtype == "F6_E2M3"
