"""Flores-200 from the public archive: fetched once, checked, unpacked with care."""

from __future__ import annotations

import os
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lm_eval_iberian.cache import require_writable
from lm_eval_iberian.download import cached, fetch, source
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark


if TYPE_CHECKING:
    from datasets import DatasetDict

SENTENCES = {"dev": 997, "devtest": 1012}
_FOLDER = "flores200_dataset"
# the real archive has some 430 members of less than 400 KB
_MEMBERS, _MEMBER_BYTES, _ALL_BYTES = 5_000, 4 << 20, 1 << 30


def is_unpacked(wanted: Benchmark) -> bool:
    """Whether the files that are needed lie in the cache."""
    return all((_folder() / name).is_file() for name in _names(wanted))


def from_archive(wanted: Benchmark) -> DatasetDict:
    """Return the sentences in the hub's form: ``id`` and ``sentence_<code>``.

    Raises:
        DataUnavailableError: Not in the cache, and no network or not there.
        DataError: The archive is not the pinned one, or not what it should hold.
    """
    from datasets import Dataset, DatasetDict

    if not is_unpacked(wanted):
        pinned = source("flores-200")
        url = pinned.locate("all")
        archive = fetch(url, pinned.what, wanted.task, check=pinned.verify)
        unpack(archive, _folder(), _names(wanted))
    return DatasetDict(
        {s: Dataset.from_dict(_columns(wanted, s)) for s in wanted.splits}
    )


def unpack(archive: Path, folder: Path, names: set[str]) -> None:
    """Write the named files of an archive, and nothing else, into ``folder``.

    All of them or none appear. Links, devices, absolute names and names with ``..``
    are never followed or written.

    Raises:
        DataUnavailableError: The folder cannot be written.
        DataError: It is damaged or too big, or a named file is missing, twice there or
            not a plain file.
    """
    require_writable(folder.parent)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as scratch:
        try:
            found = _write(archive, Path(scratch), names)
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise DataError(
                f"{archive} cannot be unpacked ({type(error).__name__}: {error}):"
                " delete it, and it will be fetched again"
            ) from error
        missing = sorted(names - found)
        if missing:
            raise DataError(f"{archive} has no file {', '.join(missing)}")
        folder.mkdir(exist_ok=True)
        for name in sorted(names):
            os.replace(Path(scratch) / name, folder / name)


def _write(archive: Path, scratch: Path, names: set[str]) -> set[str]:
    found: set[str] = set()
    total = 0
    with tarfile.open(archive, "r:gz") as tar:
        for number, member in enumerate(tar, start=1):
            total += member.size
            if number > _MEMBERS or total > _ALL_BYTES:
                raise DataError(f"{archive} is bigger than Flores-200 can be")
            name = _wanted(member.name, names)
            if name is None:
                continue
            file = tar.extractfile(member) if member.isreg() else None
            if file is None or name in found or member.size > _MEMBER_BYTES:
                raise DataError(
                    f"{archive}: {member.name} is a link, twice there or too big"
                )
            (scratch / name).write_bytes(file.read())
            found.add(name)
    return found


def _wanted(member: str, names: set[str]) -> str | None:
    """Return the plain file name of ``flores200_dataset/<split>/<name>``, if wanted."""
    parts = PurePosixPath(member.removeprefix("./")).parts
    if len(parts) != 3 or parts[0] != _FOLDER or parts[2] not in names:
        return None
    return parts[2] if parts[2].endswith(f".{parts[1]}") else None


def _folder() -> Path:
    pinned = source("flores-200")
    return cached(pinned.locate("all")).with_name(f"flores200-{pinned.sha256}")


def _names(wanted: Benchmark) -> set[str]:
    codes = wanted.languages.values()
    return {f"{code}.{split}" for code in codes for split in wanted.splits}


def _columns(wanted: Benchmark, split: str) -> dict[str, list[int] | list[str]]:
    count = SENTENCES[split]
    columns: dict[str, list[int] | list[str]] = {"id": list(range(1, count + 1))}
    for code in wanted.languages.values():
        path = _folder() / f"{code}.{split}"
        # a line may hold U+2028: only a line feed ends one
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
        if len(lines) != count:
            raise DataError(
                f"{path} has {len(lines)} lines, Flores-200 has {count}: delete the"
                " folder, and it will be unpacked again"
            )
        columns[f"sentence_{code}"] = [line.strip() for line in lines]
    return columns
