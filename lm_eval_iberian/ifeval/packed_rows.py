"""The rows of a file of prompts or answers, however it is packed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.jsonl import json_lines, require_object
from lm_eval_iberian.terminal import one_line


_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_BOM: Final = b"\xef\xbb\xbf"


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | DataError]]:
    """Yield (file and line, row) of JSON Lines, a JSON array, either gzipped, parquet.

    The file's first bytes tell what it is, not its name. A row that is no JSON object
    is an error, handed over and not raised: the rows after it may be whole.

    Raises:
        DataError: The file cannot be read or unpacked at all.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if raw.startswith(_GZIP):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path} cannot be unpacked, not all of it may be there ({error})"
            ) from error
    if raw.startswith(_PARQUET):
        yield from _numbered(_parquet(raw, path), f"{path}, row")
        return
    raw = raw.removeprefix(_BOM)
    try:
        whole = json.loads(raw)
    except (ValueError, RecursionError):  # as it is with more lines than one
        if path.suffix == ".parquet" and not raw.lstrip().startswith((b"{", b"[")):
            head = one_line(raw[:200].decode("utf-8", "replace"), 80)
            raise DataError(
                f"{path} is not parquet: it begins {head!r}; fetch the file itself"
            ) from None
        for number, row in json_lines(raw, path):
            yield f"{path}, line {number}", row
        return
    if isinstance(whole, list):
        yield from _numbered(whole, f"{path}, item")
    else:
        yield from _numbered([whole], f"{path}, line")


def _numbered(
    rows: list[Any], where: str
) -> Iterator[tuple[str, dict[str, Any] | DataError]]:
    for number, row in enumerate(rows, start=1):
        place = f"{where} {number}"
        try:
            yield place, require_object(row, place)
        except DataError as error:
            yield place, error


def _parquet(raw: bytes, path: Path) -> list[Any]:
    from pyarrow import ArrowException, BufferReader
    from pyarrow.parquet import read_table

    try:
        rows: list[Any] = read_table(BufferReader(raw)).to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise DataError(f"{path} is not parquet, or not whole ({why})") from error
    return rows
