"""Let go of what mergekit keeps mapped of tensors that have been merged.

mergekit keeps every file open for as long as it reads from it, and each page of it that
was touched counts as memory: whole models, by the end. Closed and opened again, a file
costs a header.
"""

from __future__ import annotations


# bytes read between two closings
_LIMIT = 256 << 20


class MappedFiles:
    """Counts what is read and closes mergekit's files now and then."""

    def __init__(self) -> None:
        self._read = 0

    def read(self, size: int) -> None:
        """Count ``size`` bytes that have been read and are not needed any more."""
        self._read += size
        if self._read >= _LIMIT:
            # late: mergekit is still loading when its methods are registered
            from mergekit.io.tasks import LoaderCache

            self._read = 0
            LoaderCache().flush_all()
