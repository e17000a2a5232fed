"""The new files of an output take the places of the old, and a kill undoes nothing.

Where ``out`` is not there yet, the new folder is renamed to it. Where it is, it stays:
its files change places one by one, and what no merge wrote is never moved. What makes a
folder a model is its ``config.json``, so that name is given last and taken first, and a
kill between any two steps leaves nothing half-done that loads, and what the next run
needs to bring the exchange to its end:

1. ``.out.partial/exchange.json`` says what is to go and what is to come
2. ``out/config.json`` → ``.out.partial/replaced/config.json.former``
3. every other file of the former merge → ``.out.partial/replaced``
4. every new file → ``out``, ``config.json.partial`` as the last
5. ``out/config.json.partial`` → ``out/config.json``
6. ``exchange.json`` is removed, then the rest of ``.out.partial``
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.errors import OutputError
from mergekit_ext.outputs.former_merge import CONFIG, PARTIAL


FORMER = "config.json.former"


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
    def replaced(self) -> Path:
        """Where the files of a former merge wait until the new ones are in place."""
        return self.folder / "replaced"

    @property
    def exchange(self) -> Path:
        """What says that an exchange has begun, and of what."""
        return self.folder / "exchange.json"


def swap(workshop: Workshop, target: Path, former: set[str]) -> None:
    """Make the result of a workshop the output.

    Args:
        workshop: Its result is whole, but for the name of ``config.json``.
        target: The output.
        former: The names in it that are to make way.

    Raises:
        OutputError: If that cannot be done; the output is then as it was.
    """
    _sync(workshop.result / PARTIAL)
    _sync(workshop.result)
    try:
        if os.path.lexists(target):
            _write_exchange(workshop, target, former)
            _exchange(workshop, target)
        else:
            os.rename(workshop.result, target)
        _finish(workshop, target)
    except BaseException as error:
        if os.path.lexists(workshop.result / PARTIAL):
            _undo(workshop, target)
        else:
            mend(workshop, target)
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise OutputError(f"Cannot put the result at {target}: {error}.") from error
        raise


def _write_exchange(workshop: Workshop, target: Path, former: set[str]) -> None:
    # the former config.json is the first to go, the new one the last to come
    goes = sorted(former, key=lambda name: (name != CONFIG, name))
    comes = os.listdir(workshop.result)
    comes.sort(key=lambda name: (name == PARTIAL, name))
    content = {"goes": {n: _state(target / n) for n in goes}, "comes": comes}
    writing = workshop.folder / f".{workshop.exchange.name}"
    writing.write_text(json.dumps(content), encoding="utf-8")
    _sync(writing)
    os.replace(writing, workshop.exchange)
    _sync(workshop.folder)


def _exchange(workshop: Workshop, target: Path) -> None:
    """Do what is left of an exchange, wherever a kill has stopped it.

    Raises:
        OutputError: If somebody has changed since what is to go or has come.
    """
    content = json.loads(workshop.exchange.read_bytes())
    waits = [n for n in content["comes"] if os.path.lexists(workshop.result / n)]
    came = set(content["comes"]) - set(waits)
    if PARTIAL in came and os.path.lexists(target / CONFIG):
        return
    if gone := [name for name in came if not os.path.lexists(target / name)]:
        raise _changed(workshop, target / gone[0])
    workshop.replaced.mkdir(exist_ok=True)
    for name, state in content["goes"].items():
        kept = _kept(workshop, name)
        if name in came or os.path.lexists(kept) or not os.path.lexists(target / name):
            continue
        if _state(target / name) != state:
            raise _changed(workshop, target / name)
        os.rename(target / name, kept)
    for name in (*waits, CONFIG):
        if os.path.lexists(target / name):
            raise _changed(workshop, target / name)
    for name in waits:
        os.rename(workshop.result / name, target / name)


def _undo(workshop: Workshop, target: Path) -> None:
    """Put everything back; where that fails, the next run goes on instead."""
    if not workshop.exchange.exists():
        return
    content = json.loads(workshop.exchange.read_bytes())
    with suppress(OSError):
        for name in content["comes"]:
            if not os.path.lexists(workshop.result / name):
                os.rename(target / name, workshop.result / name)
        for name in reversed(content["goes"]):  # config.json is the last to come back
            if os.path.lexists(kept := _kept(workshop, name)):
                os.rename(kept, target / name)
        os.unlink(workshop.exchange)


def mend(workshop: Workshop, target: Path) -> None:
    """Bring an exchange that was cut short to its end.

    Raises:
        OutputError: If somebody has changed what it was about since.
    """
    if workshop.exchange.exists():
        _exchange(workshop, target)
    if workshop.exchange.exists() or (target / PARTIAL).is_file():
        _finish(workshop, target)
    clear(workshop)


def _finish(workshop: Workshop, target: Path) -> None:
    _sync(target)
    with suppress(FileNotFoundError):
        os.replace(target / PARTIAL, target / CONFIG)
    _sync(target)
    _sync(target.parent)
    with suppress(FileNotFoundError):
        os.unlink(workshop.exchange)


def clear(workshop: Workshop) -> None:
    """Remove what no exchange needs any more."""
    if workshop.exchange.exists():
        return  # what waits there is the only copy
    for folder in (workshop.result.parent, workshop.adapters, workshop.replaced):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(FileNotFoundError):
        os.unlink(workshop.folder / f".{workshop.exchange.name}")


def _kept(workshop: Workshop, name: str) -> Path:
    """Return where a former file waits; no folder but the output may ever load."""
    return workshop.replaced / (FORMER if name == CONFIG else name)


def _state(path: Path) -> list[int] | None:
    status = path.lstat()
    is_folder = path.is_dir() and not path.is_symlink()
    return None if is_folder else [status.st_size, status.st_mtime_ns]


def _changed(workshop: Workshop, path: Path) -> OutputError:
    return OutputError(
        f"A killed merge cannot be brought to its end, as {path} has been changed or"
        f" removed since; what waits is in {workshop.folder}: move that away, or what"
        " is in its place, and run again."
    )


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, survive a power cut where that is had."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
