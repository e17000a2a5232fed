"""A result appears under its name only when it is whole, even if we are killed.

What makes a folder a model is its ``config.json``, so that name is given last and taken
first. A swap is five steps, and a kill between any two leaves nothing half-done that
loads, and what the next run needs to mend it:

1. ``out/config.json`` → ``out/config.json.former``     (where there is a former merge)
2. ``out`` → ``.out.partial/former``                    (likewise)
3. ``.out.partial/new/out`` → ``out``                   (it has ``config.json.partial``)
4. ``out/config.json.partial`` → ``out/config.json``
5. ``.out.partial`` is removed
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.errors import OutputError
from mergekit_ext.outputs.folder_lock import locked


CONFIG = "config.json"
PARTIAL = "config.json.partial"
FORMER = "config.json.former"

# mergekit writes the first beside every merge
MARK = "mergekit_config.yml"
_MARKS = (MARK, "merge_provenance.json", PARTIAL)


@dataclass(frozen=True)
class Workshop:
    """The hidden folder beside the output in which a merge is made.

    Args:
        folder: Where it is.
        name: The name of the output.
    """

    folder: Path
    name: str

    @property
    def result(self) -> Path:
        """What will be the output; whoever writes it sees the right name."""
        return self.folder / "new" / self.name

    @property
    def adapters(self) -> Path:
        """Where models with an adapter merged into them may be kept meanwhile."""
        return self.folder / "adapters"

    @property
    def former(self) -> Path:
        """Where a former merge waits until the new one is in its place."""
        return self.folder / "former"


@contextmanager
def whole_or_nothing(out: str | os.PathLike[str]) -> Iterator[Workshop]:
    """Give a place to write a merge to, and make it ``out`` at the end.

    Its ``config.json`` is to be written as ``config.json.partial``. When the body
    raises, interrupts included, nothing is left of it and ``out`` is as it was.

    Args:
        out: What must not exist, be an empty folder, or be a former merge.

    Raises:
        OutputError: If ``out`` is something else, cannot be written, or is being
            written by another process.
    """
    target = Path(os.path.realpath(out))
    check_replaceable(target)
    with _workshop(target) as workshop:
        try:
            workshop.result.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"Cannot write to {target.parent}: {error}.") from error
        yield workshop
        check_replaceable(target)
        _swap(workshop, target)


def recover(out: str | os.PathLike[str]) -> None:
    """Mend what a killed run has left at ``out`` or beside it; mostly there is nothing.

    Raises:
        OutputError: If another process is writing there.
    """
    target = Path(os.path.realpath(out))
    unfinished = any((target / name).is_file() for name in (PARTIAL, FORMER))
    if unfinished or _workshop_of(target).folder.is_dir():
        with _workshop(target):
            pass


def check_replaceable(target: Path) -> None:
    """Check that replacing ``target`` loses nothing but a former merge.

    Raises:
        OutputError: If it would.
    """
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputError(f"Output {target} is a file; give a folder that is to be.")
    if target.is_mount():
        raise OutputError(
            f"Output {target} is a mount point, which cannot be replaced as a whole;"
            " give a folder inside it."
        )
    if any(target.iterdir()) and not any((target / m).is_file() for m in _MARKS):
        raise OutputError(
            f"Output {target} holds something that is no former merge (no {MARK});"
            " empty it, or give another folder."
        )


def _workshop_of(target: Path) -> Workshop:
    return Workshop(target.parent / f".{target.name}.partial", target.name)


@contextmanager
def _workshop(target: Path) -> Iterator[Workshop]:
    """Hold the workshop of an output, mended at the start and empty at the end."""
    workshop = _workshop_of(target)
    lock = locked(workshop.folder / "lock")
    try:
        lock.__enter__()
    except BlockingIOError:
        raise OutputError(
            f"Another run is writing {target}; wait for it, or give another folder."
        ) from None
    except OSError as error:
        raise OutputError(f"Cannot write to {target.parent}: {error}.") from error
    try:
        _mend(workshop, target)
        yield workshop
    finally:
        _clear(workshop)
        lock.__exit__(None, None, None)


def _swap(workshop: Workshop, target: Path) -> None:
    _sync(workshop.result / PARTIAL)
    _sync(workshop.result)
    try:
        if target.exists():
            with suppress(FileNotFoundError):
                os.rename(target / CONFIG, target / FORMER)
            os.rename(target, workshop.former)
        os.rename(workshop.result, target)
        _finish(target)
    except BaseException:
        _mend(workshop, target)
        raise


def _mend(workshop: Workshop, target: Path) -> None:
    """Bring a swap that was cut short to its end or back to its beginning."""
    if workshop.former.exists() and not os.path.lexists(target):
        os.rename(workshop.former, target)
    if not (target / CONFIG).exists():
        if (target / PARTIAL).is_file():
            _finish(target)
        elif (target / FORMER).is_file():
            os.rename(target / FORMER, target / CONFIG)
    _clear(workshop)


def _finish(target: Path) -> None:
    with suppress(FileNotFoundError):
        os.replace(target / PARTIAL, target / CONFIG)
    _sync(target)
    _sync(target.parent)


def _clear(workshop: Workshop) -> None:
    for folder in (workshop.result.parent, workshop.adapters, workshop.former):
        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, survive a power cut where that is had."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
