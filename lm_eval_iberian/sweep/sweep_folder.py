"""A sweep's folder: the files are the truth, and every state is read from them.

``sweep.json`` holds the cells. ``cells/ID`` is the result of one, and appears by one
rename. ``running/ID.*`` is where one works, ``locks/ID`` is held while it does, and a
killed process holds no lock. ``errors/ID.json`` says why the last attempt failed.
``models`` has every recipe, and every folder that is evaluated as it is, under the name
that results have of it.

Locks spare work. Between the nodes of a cluster there may be none, and then a cell that
runs twice has one result all the same, that of whoever was first.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import psutil

from lm_eval_iberian import __version__
from lm_eval_iberian.errors import DataError, IberianError, UnknownNameError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.sweep.sweep_cell import SweepCell, recipe_yaml
from mergekit_ext.outputs.folder_lock import is_locked, locked


FORMAT = 1
SWEEP, RECORD, LOG = "sweep.json", "record.json", "log.txt"
State = Literal["done", "running", "failed", "waiting"]
STATES: tuple[State, ...] = ("done", "running", "failed", "waiting")
_TRIES, _PAUSE = 20, 0.05
# beside cells' locks, whose names have "--" in them
_DRIVER, _SCRATCH = "driver", "scratch"
# a workplace after its cell's id: by chance, whose process, where
_WORKPLACE = re.compile(r"[a-z0-9_]{8}@(\d+)@([^.]*)")


class InFlightError(IberianError, BlockingIOError):
    """Another process is at it, here or elsewhere."""


class SweepFolder:
    """The folder of a sweep that has been planned.

    Args:
        path: The folder.
        content: What its ``sweep.json`` holds.
    """

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path, self.content = path, content
        self.cells = [SweepCell.from_data(cell) for cell in content["cells"]]

    @cached_property
    def by_id(self) -> dict[str, SweepCell]:
        """The cells by their ids."""
        return {cell.id: cell for cell in self.cells}

    def cell(self, name: str) -> SweepCell:
        """Return a cell.

        Raises:
            UnknownNameError: There is none of this id.
        """
        if name not in self.by_id:
            raise UnknownNameError("cell", name, self.by_id)
        return self.by_id[name]

    def place(self, cell: SweepCell) -> Path:
        """Return where the result of a cell is, once there is one."""
        return self.path / "cells" / cell.id

    def is_done(self, cell: SweepCell) -> bool:
        """Whether a cell has its result."""
        return (self.place(cell) / RECORD).is_file()

    def state(self, cell: SweepCell) -> State:
        """Return how a cell stands: a result counts before a lock, a lock before all.

        A cell that was killed waits, like one that was never begun.
        """
        if self.is_done(cell):
            return "done"
        if is_locked(self._lock(cell.id)):
            return "running"
        # one that has just ended is asked again: the result came before the lock went
        if self.is_done(cell):
            return "done"
        return "failed" if self._error(cell).is_file() else "waiting"

    def counts(self) -> dict[State, int]:
        """Return how many cells are in which state."""
        found = Counter(map(self.state, self.cells))
        return {state: found[state] for state in STATES}

    @contextmanager
    def driven(self) -> Iterator[None]:
        """Be the one process that drives the sweep.

        Raises:
            InFlightError: There is another.
        """
        with self._held(_DRIVER, f"{self.path} is being run by another process"):
            # into the file that is held: a new one in its place would be another lock
            own = psutil.Process()
            content = {"host": _host(), "pid": own.pid, "begun": own.create_time()}
            self._lock(_DRIVER).write_text(json.dumps(content), "utf-8")
            yield

    def is_driven(self) -> bool:
        """Whether a process drives the sweep."""
        return is_locked(self._lock(_DRIVER))

    def driver(self) -> tuple[str, psutil.Process | None] | None:
        """Return who drives the sweep: the host, and the process if it is this one.

        Nobody does where there is no lock, whatever a killed driver has left.
        """
        try:
            said = json.loads(self._lock(_DRIVER).read_text("utf-8"))
            host, pid, begun = said["host"], said["pid"], said["begun"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not is_locked(self._lock(_DRIVER)):
            return None
        if host != _host():
            return host, None
        try:
            process = psutil.Process(pid)
            # a number may have been given to another since
            return (host, process) if process.create_time() == begun else None
        except psutil.NoSuchProcess:
            return None

    @contextmanager
    def held(self, cell: SweepCell) -> Iterator[None]:
        """Be the one process that works on a cell.

        Raises:
            InFlightError: There is another.
        """
        with self._held(cell.id, f"{cell.id} is being worked on by another process"):
            yield

    @contextmanager
    def _held(self, name: str, taken: str) -> Iterator[None]:
        with ExitStack() as stack:
            for left in reversed(range(_TRIES)):
                try:
                    stack.enter_context(locked(self._lock(name)))
                    break
                except BlockingIOError as error:
                    # who asks for a state holds a lock for a moment
                    if not left:
                        raise InFlightError(taken) from error
                    time.sleep(_PAUSE)
            yield

    @contextmanager
    def workplace(self, cell: SweepCell) -> Iterator[Path]:
        """Give a new folder to work in, gone at the end; the cell must be held."""
        self.clear(cell)
        running = self.path / "running"
        running.mkdir(exist_ok=True)
        place = Path(
            tempfile.mkdtemp(
                prefix=f"{cell.id}.", suffix=f"@{os.getpid()}@{_host()}", dir=running
            )
        )
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def clear(self, cell: SweepCell, *, everywhere: bool = False) -> None:
        """Remove what killed processes of this machine have left of a cell.

        Args:
            cell: The cell.
            everywhere: What others have left too; nothing may work on the cell then.
        """
        for place, alive in self._leftovers(cell):
            if alive is False or (everywhere and alive is None):
                shutil.rmtree(place, ignore_errors=True)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a new folder for what several cells share, gone at the end."""
        name = f"{_own_scratch()}{secrets.token_hex(4)}"
        with self._held(name, f"{name} is taken"):
            place = self.path / "running" / name
            place.mkdir(parents=True)
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)

    def clear_scratch(self) -> None:
        """Remove what killed processes of this machine have left of theirs.

        Between machines there may be no locks that tell who is alive.
        """
        for place in (self.path / "running").glob(f"{_own_scratch()}*"):
            with suppress(BlockingIOError), locked(self._lock(place.name)):
                shutil.rmtree(place, ignore_errors=True)

    def model_place(self, cell: SweepCell) -> Path:
        """Return the folder in which a cell's model or recipe has its own name."""
        place = self.path / "models"
        place.mkdir(exist_ok=True)
        recipe, model = place / recipe_name(cell), place / cell.model
        if cell.recipe is not None and not recipe.exists():
            write_whole(recipe, recipe_yaml(cell.recipe))
        elif Path(cell.pretrained).is_dir() and cell.pretrained:
            with suppress(FileExistsError):
                model.symlink_to(cell.pretrained)
        return place

    def publish(self, cell: SweepCell, work: Path) -> None:
        """Make a finished folder the result of a cell, in one step."""
        place = self.place(cell)
        place.parent.mkdir(exist_ok=True)
        try:
            work.rename(place)
        except OSError:
            if not self.is_done(cell):
                raise
        self._error(cell).unlink(missing_ok=True)

    def note_error(self, cell: SweepCell, error: str, log: str, command: str) -> None:
        """Write down why a cell failed, and how often it has."""
        before = self.error(cell) or {}
        content = {
            "cell": cell.id,
            "error": error,
            "log": log,
            "command": command,
            "attempts": int(before.get("attempts", 0)) + 1,
            "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        path = self._error(cell)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def error(self, cell: SweepCell) -> dict[str, Any] | None:
        """Return what ``note_error`` wrote."""
        try:
            found: dict[str, Any] = json.loads(self._error(cell).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return found

    def left_log(self, cell: SweepCell) -> str:
        """Return the log of a process that died before it could say why."""
        for place, alive in self._leftovers(cell):
            if not alive and (place / LOG).is_file():
                return (place / LOG).read_text("utf-8", errors="replace")
        return ""

    def _leftovers(self, cell: SweepCell) -> list[tuple[Path, bool | None]]:
        """Return workplaces of a cell, and whether the process lives, if it is ours."""
        running, found = self.path / "running", []
        # an id may hold nothing that glob would take for a pattern
        for place in sorted(running.glob(f"{cell.id}.*")) if running.is_dir() else ():
            of = _WORKPLACE.fullmatch(place.name[len(cell.id) + 1 :])
            if of is not None:
                here = of[2] == _host()
                found.append((place, _lives(int(of[1])) if here else None))
        return found

    def _lock(self, name: str) -> Path:
        return self.path / "locks" / name

    def _error(self, cell: SweepCell) -> Path:
        return self.path / "errors" / f"{cell.id}.json"


def _own_scratch() -> str:
    return f"{_SCRATCH}.{_host()}."


def recipe_name(cell: SweepCell) -> str:
    """Return what the file of a cell's recipe is called."""
    return f"{cell.model}.yml"


def _host() -> str:
    return socket.gethostname().replace(".", "_").replace("/", "_")


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def open_sweep(path: Path) -> SweepFolder:
    """Open a folder that ``iberian sweep plan`` wrote.

    Raises:
        DataError: It is none, or one of another version.
    """
    try:
        content = json.loads((path / SWEEP).read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{path} holds no {SWEEP}; make it: iberian sweep plan SPEC.yaml -o {path}"
        ) from error
    except OSError as error:
        raise DataError(f"{path / SWEEP} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path / SWEEP} is not JSON: {error}") from error
    check_version(path, content)
    try:
        return SweepFolder(path, content)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path / SWEEP} is not what a plan writes: {error}") from error


def check_version(path: Path, content: Any) -> None:
    """Check that a sweep is of this version.

    Raises:
        DataError: It is of another, whose results are not to stand beside ours.
    """
    if not isinstance(content, dict):
        raise DataError(f"{path / SWEEP} is not what a plan writes")
    theirs = content.get("format"), content.get("lm_eval_iberian")
    if theirs != (FORMAT, __version__):
        raise DataError(
            f"{path} was planned by lm-eval-iberian {theirs[1]} (format {theirs[0]}),"
            f" and this is {__version__} (format {FORMAT}): finish it with that"
            " version, or plan another folder"
        )
