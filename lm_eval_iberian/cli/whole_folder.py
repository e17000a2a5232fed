"""A folder of many files that is there whole or as it was, and holds nothing else's.

It is made in a hidden folder beside, under a lock, and takes its place by a rename; a
list of what was written lies in it, by which the next run knows what may make way.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lm_eval_iberian import __version__
from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.files import sha256
from lm_eval_iberian.terminal import first_of
from mergekit_ext.outputs.folder_lock import locked
from mergekit_ext.outputs.termination import held


MANIFEST = "written.json"
_FORMAT = 1
_SHOWN = 5


class _Words(NamedTuple):
    """What messages call the folder, and what writes it."""

    option: str
    writer: str


@contextmanager
def whole_folder(
    out: Path,
    inputs: Iterable[Path] = (),
    *,
    option: str = "--out",
    writer: str = "report",
) -> Iterator[Path]:
    """Give an empty folder to write to, and make it ``out`` at the end.

    When the body raises, interrupts included, nothing is left of it and ``out`` is as
    it was. What a run before has written there makes way for what this one writes.

    Args:
        out: What must not exist, be an empty folder, or hold what an earlier run wrote
            there and nothing else.
        inputs: Files and folders that are read, which it must not touch.
        option: What the user calls the folder.
        writer: What writes it.

    Raises:
        DataError: It is something else, or cannot be written.
    """
    target = Path(os.path.realpath(out))
    said = _Words(option, writer)
    _check_apart(target, [Path(os.path.realpath(one)) for one in inputs], said)
    _check_replaceable(target, said)
    workshop = target.parent / f".{target.name}.partial"
    missing = [one for one in workshop.parents if not one.exists()]
    lock = locked(workshop / "lock")
    try:
        _check_ours(workshop, said)
        lock.__enter__()
    except BlockingIOError:
        text = f"another run is writing {out}; wait for it, or give another folder"
        raise DataError(text) from None
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror}") from error
    try:
        _recover(workshop, target)
        new = workshop / "new"
        new.mkdir()
        yield new
        _write_manifest(new)
        _check_replaceable(target, said)
        _put(new, target, workshop / "former")
    except OSError as error:
        if isinstance(error, IberianError):
            raise
        which = f" ({error.filename})" if error.filename else ""
        text = f"{out} cannot be written: {error.strerror or error}{which}"
        raise DataError(text) from error
    finally:
        with held():
            _recover(workshop, target)
            lock.__exit__(None, None, None)
            for folder in missing:
                with suppress(OSError):  # it holds something now
                    folder.rmdir()


def _check_apart(target: Path, inputs: Sequence[Path], said: _Words) -> None:
    """Refuse a folder that results are read from, or one among them."""
    for one in inputs:
        if one == target or target in one.parents:
            raise DataError(
                f"{target} is where results are read from ({one}); give {said.option} a"
                " folder of its own"
            )
        if one in target.parents:
            raise DataError(
                f"{target} is in {one}, in which results are looked for; give"
                f" {said.option} a folder outside of it"
            )
    here = Path.cwd()
    if target == here or target in here.parents:
        raise DataError(
            f"{target} is the folder that this was started in, and is replaced as a"
            f" whole; give {said.option} another"
        )


def _check_replaceable(target: Path, said: _Words) -> None:
    """Refuse what is there, unless it is empty or all of it was written by a run."""
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise DataError(f"{target} is a file; give {said.option} a folder")
    if target.is_mount():
        raise DataError(
            f"{target} is a mount point, beside which nothing can be prepared; give"
            f" {said.option} a folder in it"
        )
    try:
        others = list(_others(target))
    except OSError as error:
        raise DataError(f"{target} cannot be read: {error.strerror}") from error
    if others:
        raise DataError(
            f"{target} holds what no {said.writer} wrote, or what was changed since:"
            f" {first_of(others, _SHOWN)}; move that away, or give {said.option}"
            " another folder"
        )


def _others(target: Path) -> Iterator[str]:
    """Yield the names of what is not as a run has written it."""
    written = _manifest(target)
    for place, folders, names in os.walk(target):
        for name in sorted(names):
            path = Path(place) / name
            known = written.get(path.relative_to(target).as_posix())
            ours = path == target / MANIFEST and written
            if not ours and (
                known is None or path.is_symlink() or sha256(path) != known
            ):
                yield str(path.relative_to(target))
        for name in sorted(folders):
            path = Path(place) / name
            if path.is_symlink() or not any(path.iterdir()):
                yield f"{path.relative_to(target)}/"


def _manifest(target: Path) -> dict[str, str]:
    """Return what a run says that it has written there, by name; nothing without."""
    try:
        content = json.loads((target / MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    files = content.get("files") if isinstance(content, dict) else None
    return files if isinstance(files, dict) else {}


def _write_manifest(folder: Path) -> None:
    for place in sorted(folder.rglob("*"), reverse=True):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    content = {"format": _FORMAT, "lm_eval_iberian": __version__, "files": files}
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    (folder / MANIFEST).write_text(text, "utf-8")


def _put(new: Path, target: Path, former: Path) -> None:
    with held():
        if target.is_dir():
            target.rename(former)
        new.rename(target)


def _check_ours(workshop: Path, said: _Words) -> None:
    with suppress(FileNotFoundError):
        if others := sorted(set(os.listdir(workshop)) - {"lock", "new", "former"}):
            raise DataError(
                f"{workshop}, in which the {said.writer} would be made, holds something"
                f" that no {said.writer} wrote: {first_of(others, _SHOWN)}; move it"
                f" away, or give {said.option} another folder"
            )


def _recover(workshop: Path, target: Path) -> None:
    """Bring to an end what a run has left, killed or not."""
    former = workshop / "former"
    if former.is_dir() and not os.path.lexists(target):
        former.rename(target)
    shutil.rmtree(former, ignore_errors=True)
    shutil.rmtree(workshop / "new", ignore_errors=True)
