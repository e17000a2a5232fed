"""``iberian.lock.json``: what was fetched whole, exactly."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lm_eval_iberian import __version__
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole


LOCK = Path("iberian.lock.json")
COMMIT = re.compile(r"^[0-9a-f]{40}$")
_VERSION = 1
_PACKAGES = ("datasets", "huggingface_hub", "lm-eval")
_TEXTS = ("dataset", "config", "arguments", "fetched_at")
Key = tuple[str, str, str]


@dataclass(frozen=True)
class File:
    """One file of a dataset."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class LockEntry:
    """One dataset that is whole.

    Attributes:
        dataset: The hub's id, or the loader's folder, file and name.
        config: The hub's configuration, or what the loader is called with.
        arguments: JSON of everything else that decides what is loaded.
        revision: The commit, where there is one; several are joined by commas.
        files: What was downloaded, where that is known.
        rows: Split -> number of rows.
        fields: Split -> names of the columns.
        size: Bytes of the files, or of the rows where no file is known.
        fetched_at: UTC, ISO 8601.
    """

    dataset: str
    config: str = ""
    arguments: str = "{}"
    revision: str | None = None
    files: tuple[File, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size: int | None = None
    fetched_at: str = ""

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return (self.dataset, self.config, self.arguments)

    def differences(self, other: LockEntry) -> list[str]:
        """Say how another state of the dataset differs, a sentence part for each."""
        found = []
        if self.revision and other.revision and self.revision != other.revision:
            found.append(f"revision {other.revision[:10]}, locked {self.revision[:10]}")
        for split, count in self.rows.items():
            have = other.rows.get(split)
            if have != count:
                have_text = "no rows" if have is None else f"{have} rows"
                found.append(f"{have_text} in {split}, locked {count}")
        for split, names in self.fields.items():
            have_names = other.fields.get(split, names)
            if set(have_names) != set(names):
                found.append(
                    f"fields of {split} are {', '.join(have_names)},"
                    f" locked {', '.join(names)}"
                )
        theirs = {file.name: file.sha256 for file in other.files}
        for file in self.files:
            if theirs.get(file.name, file.sha256) != file.sha256:
                found.append(f"another {file.name}: its SHA-256 differs")
        return found


def state_of(dataset: Any) -> tuple[dict[str, int], dict[str, tuple[str, ...]], str]:
    """Return rows and fields per split, and the commits, of a loaded dataset."""
    splits = dataset if isinstance(dataset, Mapping) else {"all": dataset}
    rows = {str(k): len(v) for k, v in splits.items() if hasattr(v, "__len__")}
    fields = {str(k): tuple(map(str, _columns(v))) for k, v in splits.items()}
    parts = {
        part
        for split in splits.values()
        for file in getattr(split, "cache_files", None) or ()
        for part in Path(file["filename"]).parts
    }
    commits = sorted(part for part in parts if COMMIT.match(part))
    return rows, fields, ",".join(commits)


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def size_of(dataset: Any) -> int | None:
    """Return the bytes of a loaded dataset's rows, where that is known."""
    splits = dataset.values() if isinstance(dataset, Mapping) else [dataset]
    sizes = [getattr(getattr(split, "data", None), "nbytes", None) for split in splits]
    known = [size for size in sizes if isinstance(size, int)]
    return sum(known) if known else None


def read_lock(path: Path) -> dict[Key, LockEntry]:
    """Return the entries of a lock, by key.

    Raises:
        DataError: It is missing or no lock of ours, with the place.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist: `iberian fetch` without --frozen writes it"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        raise DataError(f"{path} is no lock of version {_VERSION}; delete it")
    rows = found.get("datasets")
    if not isinstance(rows, list):
        raise DataError(f"{path}: 'datasets' must be a list")
    entries = [_entry(path, place, row) for place, row in enumerate(rows)]
    return {entry.key: entry for entry in entries}


def write_lock(path: Path, entries: Mapping[Key, LockEntry]) -> None:
    """Write a lock, whole or not at all.

    Raises:
        DataError: The folder cannot be written.
    """
    content = {
        "version": _VERSION,
        "packages": {"lm-eval-iberian": __version__} | _installed(),
        "datasets": [asdict(entries[key]) for key in sorted(entries)],
    }
    try:
        write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def _installed() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _columns(split: Any) -> list[str]:
    return list(getattr(split, "column_names", None) or ())


def _entry(path: Path, place: int, row: Any) -> LockEntry:
    try:
        texts = {name: row[name] for name in _TEXTS}
        revision, size = row["revision"], row["size"]
        files = tuple(
            File(str(f["name"]), int(f["size"]), str(f["sha256"])) for f in row["files"]
        )
        rows = {str(split): int(count) for split, count in row["rows"].items()}
        fields = {str(k): tuple(map(str, names)) for k, names in row["fields"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path}, datasets[{place}]: {type(error).__name__}: {error}"
        ) from error
    if not all(isinstance(text, str) for text in texts.values()) or not (
        (revision is None or isinstance(revision, str))
        and (size is None or isinstance(size, int))
    ):
        raise DataError(f"{path}, datasets[{place}]: a value has the wrong type")
    return LockEntry(
        **texts, revision=revision, files=files, rows=rows, fields=fields, size=size
    )
