"""Fetch every dataset that suites need, and keep a lock of what is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from lm_eval_iberian.cache import (
    cache_folder,
    hub_folders,
    require_writable,
    why_unwritable,
)
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.harness.building import build
from lm_eval_iberian.network import out_of_reach
from lm_eval_iberian.suites.hub import Meter, fetch_dataset, in_cache
from lm_eval_iberian.suites.lock import (
    Key,
    LockEntry,
    now,
    size_of,
    state_of,
    write_lock,
)
from lm_eval_iberian.suites.needs import Need, sources
from lm_eval_iberian.suites.refusal import Refusal, Status, refusal


Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Fetched:
    """What became of one dataset; ``entries`` is empty where it is not whole."""

    need: Need
    entries: tuple[LockEntry, ...]
    missing: Refusal | None = None

    @property
    def status(self) -> Status | str:
        """``ok``, or why not, in a word or two."""
        return self.missing.status if self.missing else "ok"

    def as_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        entry = self.entries[0] if self.entries else None
        return {
            "name": self.need.called[0],
            "kind": self.need.kind,
            "dataset": self.need.dataset,
            "config": self.need.config,
            "arguments": self.need.options,
            "revision": entry.revision if entry else None,
            "rows": dict(entry.rows) if entry else {},
            "size": entry.size if entry else None,
            "status": self.status,
            "why": self.missing.sentence if self.missing else None,
        }


def require_room(wanted: Sequence[Need], lock: Path | None) -> None:
    """Refuse what could not be kept, before anything is downloaded.

    Args:
        wanted: The datasets.
        lock: Where the lock will be written, None where it will not.

    Raises:
        DataError: The lock cannot be written.
        DataUnavailableError: A folder of the cache cannot be.
    """
    if lock is not None:
        folder = lock.absolute().parent
        why = why_unwritable(folder) if folder.is_dir() else "there is no such folder"
        if why is not None:
            raise DataError(f"{lock} cannot be written: {why}; choose another --lock")
    if all(need.shipped for need in wanted):
        return
    for folder in (cache_folder(), *hub_folders()):
        require_writable(folder)


def fetch_all(
    manager: Any,
    wanted: Sequence[Need],
    *,
    lock: Path,
    known: Mapping[Key, LockEntry],
    frozen: bool,
    jobs: int,
    meter: Meter,
) -> Iterator[Fetched]:
    """Fetch each dataset and yield what became of it; one failure stops no other.

    The lock is written anew after each, so that it is true whenever this is killed.

    Args:
        manager: The ``TaskManager`` that knows the tasks.
        wanted: The datasets.
        lock: Where the lock is written.
        known: Its entries so far; those of other suites stay.
        frozen: Fetch exactly what ``known`` says, and write nothing.
        jobs: How many at the same time.
        meter: Called with the bytes that come in.
    """

    def work(need: Need) -> Fetched:
        absent = out_of_reach()
        if absent and need.kind == "hub" and not in_cache(need.dataset):
            return Fetched(need, (), Refusal("no network", absent))
        try:
            if frozen:
                return Fetched(need, _frozen(manager, need, known, meter))
            return Fetched(need, _fetch(manager, need, meter))
        except Exception as error:  # what may come is not one family of exceptions
            return Fetched(need, (), refusal(error, need.dataset))

    entries = dict(known)
    for outcome in run_lanes(wanted, lambda need: need.lane, work, jobs):
        for entry in outcome.entries:
            entries[entry.key] = _with_files(entry, entries.get(entry.key))
        if outcome.entries and not frozen:
            write_lock(lock, entries)
        yield outcome


def run_lanes(
    jobs: Iterable[Job],
    lane: Callable[[Job], str],
    work: Callable[[Job], Result],
    threads: int,
) -> Iterator[Result]:
    """Yield what ``work`` makes of each job, in the order they are done.

    Args:
        jobs: What is to be done.
        lane: Jobs of the same lane run one after the other.
        work: Must not raise; an exception of it is raised here and ends the run.
        threads: How many jobs run at the same time, at most.
    """
    lanes: dict[str, list[Job]] = {}
    for job in jobs:
        lanes.setdefault(lane(job), []).append(job)
    waiting: SimpleQueue[list[Job] | None] = SimpleQueue()
    done: SimpleQueue[tuple[Result] | BaseException] = SimpleQueue()
    for one in (*lanes.values(), *[None] * threads):
        waiting.put(one)

    def drain() -> None:
        try:
            for mine in iter(waiting.get, None):
                for job in mine:
                    done.put((work(job),))
        except BaseException as error:
            done.put(error)

    # daemons, which the threads of concurrent.futures are not: whoever interrupts the
    # program need not wait for a download
    for _ in range(threads):
        Thread(target=drain, daemon=True).start()
    for _ in range(sum(map(len, lanes.values()))):
        found = done.get()
        if isinstance(found, BaseException):
            raise found
        yield found[0]


def _with_files(entry: LockEntry, before: LockEntry | None) -> LockEntry:
    """Keep what is known of the files: from the cache alone they are not seen."""
    if entry.files or before is None or before.revision != entry.revision:
        return entry
    return replace(entry, files=before.files, size=before.size)


def _fetch(manager: Any, need: Need, meter: Meter) -> tuple[LockEntry, ...]:
    if need.kind == "hub":
        return (fetch_dataset(need, None, meter),)
    parts = list(_parts(need, meter))  # before the loader: these are checked
    own = _load(manager, need)
    commits = (own.revision or "").split(",")
    used = tuple(part for part in parts if part.revision in commits)
    size = sum(part.size or 0 for part in used)
    return (replace(own, size=size or own.size), *used)


def _parts(need: Need, meter: Meter) -> Iterator[LockEntry]:
    for one in sources(need):
        try:
            yield fetch_dataset(one, one.options.get("revision"), meter)
        except DataError:
            raise
        except Exception:  # the loader may know another place, or says it better
            return


def _load(manager: Any, need: Need) -> LockEntry:
    """Call the task's own loader; the harness does that when it builds the task."""
    dataset = build(manager, need.leaf).dataset
    rows, fields, revision = state_of(dataset)
    return LockEntry(
        need.dataset,
        need.config,
        need.arguments,
        revision=revision or None,
        rows=rows,
        fields=fields,
        size=size_of(dataset),
        fetched_at=now(),
    )


def _frozen(
    manager: Any, need: Need, known: Mapping[Key, LockEntry], meter: Meter
) -> tuple[LockEntry, ...]:
    locked = known.get(need.key)
    if locked is None:
        raise DataError(
            "The lock does not have it: leave out --frozen, and it is added"
        )
    parts = [known[one.key] for one in sources(need) if one.key in known]
    if need.kind == "hub" or (parts and locked.revision):
        # the loader itself would ask for the newest revision
        chosen = [need] if need.kind == "hub" else sources(need)
        for one in chosen:
            entry = known[one.key]
            _same(entry, fetch_dataset(one, entry.revision, meter))
    else:
        _same(locked, _load(manager, need))
    return (locked, *parts)


def _same(locked: LockEntry, found: LockEntry) -> None:
    differences = locked.differences(found)
    if differences:
        raise DataError(
            f"{found.dataset} {found.config}".rstrip()
            + f" is not what is locked: {'; '.join(differences)}"
        )
