"""A lock that a killed process does not keep."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

# what file systems answer that have no locks
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made with its folder, and remove both at the end.

    The folder goes only if nothing else is left in it. On a file system without locks
    this goes on without one.

    Raises:
        BlockingIOError: If another process holds it.
        OSError: If it cannot be made.
    """
    handle = _acquire(path)
    try:
        yield
    finally:
        with suppress(OSError):
            if _is_at(handle, path):  # who has removed ours may have made their own
                path.unlink()
                path.parent.rmdir()
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether a process holds a lock file; false on a file system without locks.

    Whoever wants the lock at this very moment finds it taken: let them try again.
    """
    if fcntl is None:
        return False
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    finally:
        os.close(handle)
    return False


def _acquire(path: Path) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # its folder has just been removed
            continue
        try:
            _lock(handle)
            if _is_at(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is_at(handle: int, path: Path) -> bool:
    """Whether the file is still the one of that name: its owner may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
