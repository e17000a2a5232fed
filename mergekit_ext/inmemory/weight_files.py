"""A merge in files for a moment: what engines of several processes read it from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file

from mergekit_ext.errors import OutputError
from mergekit_ext.inmemory.memory_space import (
    MemorySpaceError,
    check_memory,
    model_bytes,
)
from mergekit_ext.inmemory.prepared_merge import PreparedMerge
from mergekit_ext.inmemory.tensor_stream import Resident, merged_tensors
from mergekit_ext.inputs.disk_space import shown_size
from mergekit_ext.outputs.termination import unwound_by_signals


# a folder that is memory, where Linux has one
_MEMORY = Path("/dev/shm")  # noqa: S108 (the folder itself is made with a name of its own)
# bytes of tensors that are gathered for a file
_SHARD = 1 << 30


@contextmanager
def weights_in_files(
    prepared: PreparedMerge, *, resident: Resident | None = None
) -> Iterator[Path]:
    """Write a merge's weights to a folder that is there for the body alone.

    It is in memory where there is room, else in the folder for temporary files. It is
    removed afterwards, whatever happens, SIGTERM included.

    Args:
        prepared: What is merged.
        resident: Models that are in memory; see ``merged_tensors``.

    Yields:
        The folder, with nothing but safetensors files.

    Raises:
        MergeError: If there is no room, or anything else stands in the way.
    """
    size = model_bytes(prepared)
    parent = _roomy(prepared, size)
    with (
        unwound_by_signals(),
        tempfile.TemporaryDirectory(prefix="iberian-", dir=parent) as place,
    ):
        prepared.watch.note(
            f"{prepared.name}: {shown_size(size)} of merged weights pass through"
            f" {place}, for the processes of the engine to read; it is removed when"
            " they have"
        )
        _write(prepared, Path(place), resident)
        yield Path(place)


def _roomy(prepared: PreparedMerge, size: int) -> Path:
    """Return the folder to write below."""
    shard = min(size, _SHARD)
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > size:
        try:
            check_memory(prepared, new_model=size + shard)
        except MemorySpaceError:
            pass
        else:
            return _MEMORY
    other = Path(tempfile.gettempdir())
    if (free := shutil.disk_usage(other).free) <= size:
        raise OutputError(
            f"The engine's processes read the merge of {prepared.name} from a folder,"
            f" which takes {shown_size(size)}: neither {_MEMORY} nor {other} has it,"
            f" of which the latter has {shown_size(free)}; set TMPDIR to a folder with"
            " room."
        )
    check_memory(prepared, new_model=shard)
    return other


def _write(prepared: PreparedMerge, folder: Path, resident: Resident | None) -> None:
    held: dict[str, torch.Tensor] = {}
    files = 0

    def save() -> None:
        nonlocal files
        files += 1
        path = folder / f"model-{files:05}.safetensors"
        try:
            save_file(held, path, metadata={"format": "pt"})
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error}.") from error
        held.clear()

    for name, tensor in merged_tensors(prepared, resident=resident):
        # one that is resident may be a part of another, which safetensors refuses
        part = tensor.untyped_storage().nbytes() != tensor.nbytes
        held[name] = tensor.clone() if part else tensor.cpu()
        if sum(one.nbytes for one in held.values()) >= _SHARD:
            save()
    if held:
        save()
