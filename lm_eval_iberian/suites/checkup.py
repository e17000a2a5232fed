"""Whether every task of a suite would run here, found without a model or a network."""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.suites.lock import Key, LockEntry
from lm_eval_iberian.suites.probe import OFFLINE
from lm_eval_iberian.terminal import one_line


_START = 120.0  # seconds to import the harness and index its tasks


@dataclass(frozen=True)
class Checked:
    """What was found out about one task; ``why`` is empty where it would run.

    Attributes:
        length: Characters of the first prompt with its examples.
    """

    task: str
    why: str = ""
    documents: int | None = None
    shots: int | None = None
    length: int | None = None


@dataclass(frozen=True)
class Started:
    """A task is being tried; there are ``total`` in all."""

    task: str
    total: int


def check_up(
    suites: Sequence[str],
    *,
    include_path: Sequence[Path] = (),
    shots: int | None = None,
    locked: Mapping[Key, LockEntry] | None = None,
    lock: Path | None = None,
    seconds: float = 120.0,
) -> Iterator[Started | Checked]:
    """Try each task in a process of its own that may not use the network.

    A task that raises, hangs or takes the process down stops no other.

    Args:
        suites: Names of tasks, groups and tags.
        include_path: Folders of more tasks.
        shots: Examples in every prompt; a task's own number when None.
        locked: The lock, to compare with.
        lock: Its path, where it is not the usual one.
        seconds: The longest that one task may take.

    Raises:
        DataError: There is no such suite, or the process can't start.
    """
    done: list[str] = []
    names: list[str] | None = None
    while names is None or len(done) < len(names):
        current: str | None = None
        asked = {
            "suites": list(suites),
            "include_path": [str(path.resolve()) for path in include_path],
            "shots": shots,
            "done": done,
        }
        end = ""
        for fact in _facts(asked, seconds):
            if "error" in fact:
                raise DataError(fact["error"])
            if "end" in fact:
                end = fact["end"]
            elif "tasks" in fact:
                names = fact["tasks"]
            elif "now" in fact:
                current = str(fact["now"])
                yield Started(current, len(names or ()))
            else:
                done.append(fact["task"])
                current = None
                yield _checked(fact, locked or {}, include_path, lock)
        if current is not None:
            done.append(current)
            yield Checked(current, f"{end}; the other tasks were tried without it")
        elif names is None or (end and len(done) < len(names)):
            raise DataError(
                f"The tasks could not be tried: {end or 'nothing was said'}"
            )


def fetch_command(
    names: Sequence[str],
    include_path: Sequence[Path] = (),
    lock: Path | None = None,
    frozen: bool = False,
) -> str:
    """Return the command that gets what is missing, fit to be typed as it stands."""
    words = ["iberian", "fetch", *(["--frozen"] if frozen else []), *names]
    words += ["--lock", str(lock)] if lock else []
    for path in include_path:
        words += ["--include-path", str(path)]
    return shlex.join(words)


def _checked(
    fact: Mapping[str, Any],
    locked: Mapping[Key, LockEntry],
    include_path: Sequence[Path],
    lock: Path | None,
) -> Checked:
    why = one_line(fact.get("why", ""), 600)
    names = [fact["task"]]
    if fact.get("fetch"):
        run = fetch_command(names, include_path)
        why = f"{why}: where there is a network, run `{run}`"
    dataset, config, arguments = fact["key"]
    entry = locked.get((dataset, config, arguments))
    if not why and entry is not None:
        here = LockEntry(
            *(dataset, config, arguments),
            revision=fact["revision"] or None,
            rows=fact["rows"],
            fields={k: tuple(v) for k, v in fact["fields"].items()},
        )
        differences = entry.differences(here)
        if differences:
            run = fetch_command(names, include_path, lock, frozen=True)
            what = one_line("; ".join(differences), 600)
            why = (
                f"not what the lock has: {what}; where there is a network, run `{run}`"
            )
    numbers = {k: fact.get(k) for k in ("documents", "shots", "length")}
    return Checked(fact["task"], why, **numbers)


def _facts(asked: Mapping[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield what the child says; last ``{"end": why it stopped}`` where it failed."""
    command = [sys.executable, "-m", "lm_eval_iberian.suites.probe"]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | OFFLINE,
        )
        if child.stdin is None or child.stdout is None:
            raise DataError("The process has no pipes")
        try:
            # a child that is dead already says why on stderr
            try:
                child.stdin.write(json.dumps(asked).encode())
                child.stdin.close()
            except BrokenPipeError:
                pass
            yield from _lines(child.stdout, seconds)
            code = child.wait(timeout=seconds)
            if code:
                yield {"end": _ending(code, errors)}
        except (TimeoutError, subprocess.TimeoutExpired):
            yield {"end": f"took longer than {seconds:.0f} s"}
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


def _lines(stream: IO[bytes], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield lines of JSON, each at most ``seconds`` after the one before."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    patience = max(seconds, _START)
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty as error:
            raise TimeoutError from error
        if not line:
            return
        try:
            fact = json.loads(line)
        except ValueError:  # killed in the middle of a line
            continue
        patience = seconds if "now" in fact else max(seconds, _START)
        yield fact


def _ending(code: int, errors: IO[bytes]) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"ended its process (signal {name})"
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 4096))
    last = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"ended its process (exit code {code}: {one_line(''.join(last), 200)})"
