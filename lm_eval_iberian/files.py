"""Files that are whole or not there, and what tells one from all others."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the digest of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, under another name first, then under its own.

    What a link points to is written; what is no plain file, as ``/dev/stdout``, is
    written to directly.

    Raises:
        OSError: It cannot be written; what was there before is untouched.
    """
    if not path.name or path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
