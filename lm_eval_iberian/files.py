"""Files that are whole or not there, and what tells one from all others."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


# what file systems answer that have no hard links
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}


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
    with _partial(path, data) as partial:
        partial.replace(path)


def write_first(path: Path, content: str) -> bool:
    """Write a file as ``write_whole`` does, unless there is one of that name.

    Of several that do so at once, on whichever machines, the first has written it. On a
    file system without hard links it is whoever was last.

    Returns:
        Whether it has been written by this.

    Raises:
        OSError: It cannot be written.
    """
    with _partial(path, content.encode()) as partial:
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                return False
            partial.replace(path)
    return True


@contextmanager
def _partial(path: Path, data: bytes) -> Iterator[Path]:
    """Give a file of another name, which is no other's on any machine."""
    token = secrets.token_hex(4)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{token}.partial")
    try:
        partial.write_bytes(data)
        yield partial
    finally:
        partial.unlink(missing_ok=True)
