"""The SHA-256 of files that may be large."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mergekit_ext.watch import Watch


_CHUNK = 1 << 20


def sha256(path: Path, *, durable: bool = False, watch: Watch | None = None) -> str:
    """Return a file's SHA-256 in hexadecimal, as the hub shows for large files.

    Args:
        path: The file.
        durable: Whether to have it written to the disk as well.
        watch: Told of the bytes that are read.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        if durable:
            os.fsync(file.fileno())
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            if watch is not None:
                watch.advance(count)
    return digest.hexdigest()
