"""Read JSON Lines with errors that name file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) of every line that is not blank.

    Raises:
        DataError: The file is missing or not UTF-8, or a line is not a JSON object.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    for number, row in json_lines(raw, path):
        if isinstance(row, DataError):
            raise row
        yield number, row


def json_lines(
    raw: bytes, path: Path
) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """Yield the same of a file's bytes; for a line that is no object, the error."""
    # bytes, not text: U+2028 may stand inside a JSON string
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
