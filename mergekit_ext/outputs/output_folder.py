"""A result appears under its name only when it is whole, even if we are killed.

It is made in a hidden folder beside the output, under a lock, and takes its place as
``file_exchange`` describes. Of what is there already, a former merge alone makes way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mergekit_ext.errors import OutputError
from mergekit_ext.outputs.file_exchange import Workshop, clear, mend, swap
from mergekit_ext.outputs.folder_lock import locked
from mergekit_ext.outputs.former_merge import (
    CONFIG,
    MARK,
    PARTIAL,
    former_merge,
    may_write,
)
from mergekit_ext.outputs.termination import held


_SHOWN = 5


@contextmanager
def whole_or_nothing(
    out: str | os.PathLike[str], writes: Callable[[str], bool] = may_write
) -> Iterator[Workshop]:
    """Give a place to write a merge to, and make it ``out`` at the end.

    Its ``config.json`` is to be written as ``config.json.partial``. When the body
    raises, interrupts included, nothing is left of it and ``out`` is as it was.

    Args:
        out: What must not exist, be an empty folder, or hold a former merge; what
            else it holds stays there.
        writes: Whether the merge may write a file of this name.

    Raises:
        OutputError: If ``out`` is something else, holds something that is in the way,
            cannot be written, or is being written by another process.
    """
    target = Path(os.path.realpath(out))
    recover(target)
    check_replaceable(target, writes)
    with _workshop(target) as workshop:
        try:
            workshop.result.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"Cannot write to {target.parent}: {error}.") from error
        yield workshop
        comes = set(os.listdir(workshop.result))
        former = check_replaceable(target, comes.__contains__)
        with held():
            swap(workshop, target, former)


@contextmanager
def some_files_exchanged(folder: str | os.PathLike[str]) -> Iterator[Workshop]:
    """Give a place to write new files for a model, and put all of them in at the end.

    A ``config.json`` among them, changed or not, is to be written as
    ``config.json.partial``. Files of the same names make way, and all others stay. When
    the body raises, everything is as it was.

    Args:
        folder: The model's. What is a link in it is replaced, not what it points to.

    Raises:
        OutputError: If it cannot be written, or is being written by another process.
    """
    target = Path(os.path.realpath(folder))
    with _workshop(target) as workshop:
        workshop.result.mkdir(parents=True)
        yield workshop
        comes = {CONFIG if n == PARTIAL else n for n in os.listdir(workshop.result)}
        with held():
            swap(workshop, target, comes & set(os.listdir(target)))


def recover(out: str | os.PathLike[str]) -> None:
    """Mend what a killed run has left at ``out`` or beside it; mostly there is nothing.

    Raises:
        OutputError: If another process is writing there, or what was left has been
            changed since.
    """
    target = Path(os.path.realpath(out))
    if (target / PARTIAL).is_file() or _workshop_of(target).folder.is_dir():
        with _workshop(target):
            pass


def check_replaceable(
    target: Path, writes: Callable[[str], bool] = may_write
) -> set[str]:
    """Check that a merge to ``target`` touches nothing but a former merge.

    Args:
        target: The folder that the result is to be.
        writes: Whether the merge may write a file of this name.

    Returns:
        The names in it that are the former merge's.

    Raises:
        OutputError: If it would.
    """
    if not os.path.lexists(target):
        return set()
    if not target.is_dir():
        raise OutputError(f"Output {target} is a file; give a folder that is to be.")
    if target.is_mount():
        raise OutputError(
            f"Output {target} is a mount point, beside which nothing can be prepared;"
            " give a folder inside it."
        )
    try:
        names = set(os.listdir(target))
        former = former_merge(target) if names else set()
    except OSError as error:
        raise OutputError(f"Output {target} cannot be read: {error}.") from error
    if former is None:
        raise OutputError(
            f"Output {target} holds something that is no former merge (no {MARK});"
            " empty it, or give another folder."
        )
    if not os.access(target, os.W_OK | os.X_OK):
        raise OutputError(f"Output {target} cannot be written to: no permission.")
    if in_the_way := [name for name in sorted(names - former) if writes(name)]:
        raise OutputError(
            f"Output {target} holds what the merge would write over and no former"
            f" merge wrote, or what was changed since: {_listed(in_the_way)}. Move that"
            " away, or give another folder."
        )
    return former


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _workshop_of(target: Path) -> Workshop:
    return Workshop(target.parent / f".{target.name}.partial", target.name)


@contextmanager
def _workshop(target: Path) -> Iterator[Workshop]:
    """Hold the workshop of an output, mended at the start and empty at the end."""
    workshop = _workshop_of(target)
    _check_ours(workshop)
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
        with held():
            mend(workshop, target)
        yield workshop
    finally:
        with held():
            clear(workshop)
            lock.__exit__(None, None, None)


def _check_ours(workshop: Workshop) -> None:
    """Refuse a folder of the workshop's name that somebody else has filled."""
    ours = {"lock", "new", "adapters", "replaced", "exchange.json", ".exchange.json"}
    with suppress(FileNotFoundError):
        if others := sorted(set(os.listdir(workshop.folder)) - ours):
            raise OutputError(
                f"{workshop.folder}, in which the merge would be made, holds something"
                f" that no merge wrote: {_listed(others)}. Move it away, or give"
                " another output folder."
            )
