"""Answers that were produced elsewhere, read from a file however it is packed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.answer_forms import GivenAnswer, read_answer
from lm_eval_iberian.jsonl import json_lines, require_object
from lm_eval_iberian.terminal import one_line


_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Answers:
    """What an answers file holds.

    Attributes:
        path: The file.
        given: The answers, in their order.
        bad_rows: For each row that cannot be used, where it is and why.
    """

    path: Path
    given: tuple[GivenAnswer, ...]
    bad_rows: tuple[str, ...] = ()


def read_answers(path: Path, *, keep_going: bool = False) -> Answers:
    """Read an answers file; see ``read_rows`` and ``read_answer`` for its forms.

    A null response is an empty answer.

    Args:
        path: The file.
        keep_going: Leave out rows that cannot be used.

    Raises:
        DataError: A row cannot be used; the file has no answer at all, or has them by
            several of lm-eval's filters.
    """
    given, bad = [], []
    for where, row in read_rows(path):
        try:
            if isinstance(row, DataError):
                raise row
            given.append(read_answer(row, where))
        except DataError as error:
            if not keep_going:
                raise DataError(going_on(error)) from error
            bad.append(str(error))
    if not given:
        why = f"; {some(bad, 3)}" if bad else ""
        raise DataError(f"{path} holds no answers{why}")
    filters = sorted({answer.filter for answer in given if answer.filter is not None})
    if len(filters) > 1:
        raise DataError(
            f"{path} holds the answers by the filters {', '.join(filters)}; leave the "
            "rows of one of them"
        )
    return Answers(path, tuple(given), tuple(bad))


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


def going_on(error: object) -> str:
    """Return a row's fault with what to do about it."""
    return f"{error}; --keep-going leaves such rows out"


def counted(number: int, what: str) -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def some(items: Sequence[object], most: int = 8) -> str:
    """Return the first of some items in words."""
    shown = ", ".join(map(str, items[:most]))
    return f"{shown}, …" if len(items) > most else shown
