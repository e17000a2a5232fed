"""Read every byte of the weights once: are they finite, and what is their hash.

Files are read into a small buffer rather than mapped, so that no page of them counts as
ours.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.finiteness import LIMITS, first_not_finite
from mergekit_ext.inputs.pickled_weights import check_pickled, is_pickled
from mergekit_ext.inputs.safetensors_header import ITEM, TensorHeader, read_header
from mergekit_ext.watch import Watch


# fits in a core's own cache; a multiple of every item size
CHUNK = 1 << 20
# what one thread takes where a file need not be read from its start
_PIECE = 1 << 26


@dataclass(frozen=True)
class _Piece:
    """A stretch of a file, with the tensor that it belongs to."""

    begin: int
    end: int
    tensor: str | None = None
    header: TensorHeader | None = None


def scan(
    checkpoints: Sequence[Checkpoint],
    *,
    hashed: bool = False,
    watch: Watch | None = None,
    threads: int = 2,
) -> dict[Path, str]:
    """Read all weights of all models and refuse NaN and infinities.

    Args:
        checkpoints: The models; a file that several share is read once.
        hashed: Whether to return hashes. A file then takes one thread.
        watch: Told of the bytes and files that are done.
        threads: How many files, or stretches of files, to read at a time.

    Returns:
        File to SHA-256 in hexadecimal; empty if not ``hashed``.

    Raises:
        InputError: Naming the model, the tensor, the element and the file.
    """
    owners = {file: one.model for one in reversed(checkpoints) for file in one.files()}
    files = dict.fromkeys(file for one in checkpoints for file in one.files())
    watch = watch or Watch()
    watch.phase("checking inputs", sum(f.stat().st_size for f in files), "bytes")
    stop = threading.Event()
    with ThreadPoolExecutor(max(1, threads)) as pool:
        jobs = []
        for file in files:
            reader = _Reader(owners[file], file, watch, stop)
            stretches = [reader.pieces()] if hashed else _split(reader.pieces())
            jobs += [(file, pool.submit(reader.read, s, hashed)) for s in stretches]
        try:
            wait([job for _, job in jobs], return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    _raise_first([job for _, job in jobs])
    return {file: job.result() for file, job in jobs} if hashed else {}


@dataclass(frozen=True)
class _Reader:
    """Reads one file.

    Args:
        model: Whose it is.
        file: Which.
        watch: Told of progress.
        stop: Set when there is no more use in reading on.
    """

    model: str
    file: Path
    watch: Watch
    stop: threading.Event

    def pieces(self) -> list[_Piece]:
        """Return the header and the tensors in the order of the file."""
        if is_pickled(self.file):
            return [_Piece(0, self.file.stat().st_size)]
        tensors = read_header(self.model, self.file).items()
        listed = sorted(tensors, key=lambda item: (item[1].begin, item[1].end))
        data = [_Piece(h.begin, h.end, name, h) for name, h in listed]
        start = data[0].begin if data else self.file.stat().st_size
        return [_Piece(0, start), *data]

    def read(self, pieces: Sequence[_Piece], hashed: bool) -> str:
        """Read the pieces; return the hash of all that was read, if it is wanted."""
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(CHUNK))
        try:
            with self.file.open("rb", buffering=0) as stream:
                for piece in pieces:
                    stream.seek(piece.begin)
                    for at in range(piece.begin, piece.end, CHUNK):
                        chunk = buffer[: min(CHUNK, piece.end - at)]
                        _fill(stream, chunk)
                        if hashed:
                            digest.update(chunk)
                        self._check(piece, chunk, at)
                        self.watch.advance(len(chunk))
                        if self.stop.is_set():
                            return ""
        except OSError as error:
            raise InputError(
                f"Model {self.model!r}: {self.file} cannot be read: {error}."
            ) from error
        if is_pickled(self.file) and any(not piece.begin for piece in pieces):
            for _ in check_pickled(self.model, self.file):
                if self.stop.is_set():
                    return ""
        return digest.hexdigest() if hashed else ""

    def _check(self, piece: _Piece, chunk: memoryview, at: int) -> None:
        if piece.header is None or piece.header.dtype not in LIMITS:
            return
        dtype = piece.header.dtype
        bad = first_not_finite(np.frombuffer(chunk, np.uint8), dtype)
        if bad is not None:
            first = (at - piece.header.begin) // ITEM[dtype]
            raise InputError(
                f"Model {self.model!r}: {piece.tensor!r} holds {bad[1]} at element"
                f" {first + bad[0]}, in {self.file}. A merge would spread it: fetch or"
                " train that model again."
            )


def _fill(stream: BinaryIO, chunk: memoryview) -> None:
    done = 0
    while done < len(chunk):
        count = stream.readinto(chunk[done:])  # type: ignore[attr-defined]
        if not count:
            raise OSError("it has become shorter while it was read")
        done += count


def _split(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Yield stretches of about the same size."""
    held: list[_Piece] = []
    size = 0
    for piece in pieces:
        for begin in range(piece.begin, piece.end, _PIECE):
            end = min(begin + _PIECE, piece.end)
            held.append(_Piece(begin, end, piece.tensor, piece.header))
            size += end - begin
            if size >= _PIECE:
                yield held
                held, size = [], 0
    if held:
        yield held


def _raise_first(jobs: Sequence[Future[str]]) -> None:
    for job in jobs:
        if not job.cancelled() and (error := job.exception()) is not None:
            raise error


def reading_threads() -> int:
    """Return how many files are worth reading at the same time here."""
    return min(
        4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    )
