"""A result appears under its name only when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mergekit_ext.errors import OutputError


# mergekit writes it beside every merge
MARK = "mergekit_config.yml"


@contextmanager
def whole_or_nothing(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a folder to write to, and put it in the place of ``out`` at the end.

    The folder is ``.<name>.partial-<pid>/<name>`` beside ``out``: a rename there is
    atomic, and what is written sees the right name. When the body raises, interrupts
    included, the folder is removed and ``out`` is as it was.

    Args:
        out: What must not exist, be an empty folder, or be a former merge.

    Raises:
        OutputError: If ``out`` is something else, or cannot be written.
    """
    target = Path(os.path.realpath(out))
    check_replaceable(target)
    workshop = target.parent / f".{target.name}.partial-{os.getpid()}"
    try:
        shutil.rmtree(workshop, ignore_errors=True)
        (workshop / target.name).mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"Cannot write to {target.parent}: {error}.") from error
    try:
        yield workshop / target.name
        check_replaceable(target)
        _swap(workshop / target.name, target, workshop / "former")
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


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
    if any(target.iterdir()) and not (target / MARK).is_file():
        raise OutputError(
            f"Output {target} holds something that is no former merge (no {MARK});"
            " empty it, or give another folder."
        )


def _swap(new: Path, target: Path, former: Path) -> None:
    try:
        if target.exists():
            target.rename(former)
        new.rename(target)
    except BaseException:
        if former.exists() and not target.exists():
            former.rename(target)
        raise
