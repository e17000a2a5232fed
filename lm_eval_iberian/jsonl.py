"""Read JSON Lines, gzipped or not, with errors that name file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.errors import DataError


# what a gzipped file may come to: sixteen thousand prompts of a megabyte are as much
_UNPACKED: Final = 16 << 30
_LINE: Final = 256 << 20


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) of every line that is not blank.

    It is read line by line, unpacked where the name ends in ``.gz``.

    Raises:
        DataError: The file is missing or not UTF-8, a line is not a JSON object, or
            gzipped content is not all there, or too large to be what it should.
    """
    # bytes, not text: U+2028 may stand inside a JSON string
    for number, line in _lines(path, _UNPACKED):
        if line.strip():
            yield number, _object(path, number, line)


def unpacked(path: Path) -> bytes:
    """Return what a file holds, unpacked where its name ends in ``.gz``.

    Raises:
        DataError: It cannot be read, or gzipped content is not all there, or too large.
    """
    return b"".join(line for _, line in _lines(path, _LINE))


def _lines(path: Path, most: int) -> Iterator[tuple[int, bytes]]:
    total = number = 0
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            while line := file.readline(_LINE + 1 if packed else -1):
                number, total = number + 1, total + len(line)
                if packed and (len(line) > _LINE or total > most):
                    raise DataError(
                        f"{path}, line {number}: it unpacks to more than"
                        f" {min(total, most) >> 20} MiB; unpack it, and look at it"
                    )
                yield number, line
    except EOFError as error:
        raise DataError(
            f"{path} breaks off after line {number}: not all of the gzipped file is"
            " there; copy it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is not gzip, or is damaged: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def json_lines(
    raw: bytes, path: Path
) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """Yield the same of a file's bytes; for a line that is no object, the error."""
    for number, line in enumerate(raw.splitlines(), start=1):
        if line.strip():
            try:
                yield number, _object(path, number, line)
            except DataError as error:
                yield number, error


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, line {number}: not UTF-8 ({error.reason})") from error
    except (ValueError, RecursionError) as error:  # ValueError: endless digits too
        raise DataError(f"{path}, line {number}: not JSON ({error})") from error
    return require_object(row, f"{path}, line {number}")


def require_object(row: object, where: str) -> dict[str, Any]:
    """Return a row if it is a JSON object.

    Raises:
        DataError: It is something else.
    """
    if not isinstance(row, dict):
        kind = type(row).__name__
        raise DataError(f"{where}: a JSON object is wanted, found {kind}")
    return row
