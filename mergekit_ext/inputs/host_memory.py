"""How much memory this machine has for a process, as far as anybody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil


# where Linux says how much memory the job of a cluster, or a container, may take
_GROUP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def free_host_bytes() -> int:
    """Return what is free, or what this process's job has left of its share."""
    return min([int(psutil.virtual_memory().available), *_left_to_job()])


def _left_to_job() -> Iterator[int]:
    """Yield what this process's group of Linux, and each around it, has left."""
    try:
        lines = _GROUP.read_text("ascii").splitlines()
    except (OSError, ValueError):  # another system
        return
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return
    group = _GROUPS / own.strip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(_GROUPS):
            with suppress(OSError, ValueError):  # no limit is a word
                limit = int((folder / "memory.max").read_text("ascii"))
                used = int((folder / "memory.current").read_text("ascii"))
                yield max(0, limit - used + _reclaimable(folder))


def _reclaimable(folder: Path) -> int:
    """Return how much of what a group has taken is files that it can let go of."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text("ascii").splitlines():
            name, _, size = line.partition(" ")
            if name == "inactive_file":
                return int(size)
    return 0
