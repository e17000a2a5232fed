"""Singular vectors on the disk, beside the models' cache: found once, for every merge.

A file is named by what the vectors are of: the hash of the task matrix, element for
element. So it serves every merge in which that matrix is met, in any process, whatever
the models are called; and it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import torch
from huggingface_hub import constants
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from mergekit_ext.kernels.singular_vectors import Keep, SingularVectors
from mergekit_ext.kernels.tensors import chunks


# of the shorter side: smaller matrices are decomposed in less than a file takes
WORTH_KEEPING = 64
# another way to decompose would have another number
_VERSION = 1
_CHUNK = 1 << 22


def vectors_folder() -> Path:
    """Return where the files are."""
    return Path(constants.HF_HOME) / "mergekit_ext" / "singular_vectors"


def digest_of(matrix: torch.Tensor) -> str:
    """Return a hash of a matrix: of its dtype, its shape and every bit."""
    header = f"{_VERSION} {matrix.dtype} {tuple(matrix.shape)}"
    digest = hashlib.blake2b(header.encode(), digest_size=20)
    flat = matrix.detach().contiguous().view(-1)
    for start, stop in chunks(0, flat.numel(), _CHUNK):
        digest.update(flat[start:stop].cpu().numpy().data)
    return digest.hexdigest()


def keeper(digest: Callable[[], str], matrix: torch.Tensor) -> Keep:
    """Return what keeps the decompositions of a matrix, on its device.

    A folder that cannot be written is no error: nothing is kept then.

    Args:
        digest: Returns the hash of the matrix.
        matrix: The matrix.
    """

    def keep(size: int | None, make: Callable[[], SingularVectors]) -> SingularVectors:
        if min(matrix.shape) < WORTH_KEEPING:
            return make()
        kind = matrix.device.type  # each kind of device rounds in its own way
        file = vectors_folder() / f"{digest()}-{size or 'all'}-{kind}.safetensors"
        found = _read(file, matrix)
        if found is None:
            found = make()
            with contextlib.suppress(OSError, SafetensorError):
                _write(file, found)
        return found

    return keep


def _read(file: Path, matrix: torch.Tensor) -> SingularVectors | None:
    try:
        with safe_open(file, framework="pt") as opened:
            told = opened.metadata()
            values, left, right = (
                opened.get_tensor(name).to(matrix.device)
                for name in ("values", "left", "right")
            )
        whole, energy = told["whole"] == "True", float.fromhex(told["energy"])
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None  # not there, or not whole: it is made again
    if (len(left), len(right)) != tuple(matrix.shape):
        return None
    return SingularVectors(values, left, right, whole, energy)


def _write(file: Path, found: SingularVectors) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"values": found.values, "left": found.left, "right": found.right}
    told = {"whole": str(found.whole), "energy": found.energy.hex()}
    new = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    try:
        save_file(
            {name: one.cpu().contiguous() for name, one in tensors.items()}, new, told
        )
        os.replace(new, file)
    finally:
        new.unlink(missing_ok=True)
