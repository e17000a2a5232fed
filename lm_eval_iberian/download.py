"""Fetch a pinned file once into the Hugging Face cache, or say plainly why not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from lm_eval_iberian.cache import cache_folder, require_writable
from lm_eval_iberian.errors import DataError, DataUnavailableError, UnknownNameError
from lm_eval_iberian.files import sha256
from lm_eval_iberian.network import (
    CHECKING,
    TRIES,
    USER_AGENT,
    asked_to_wait,
    offline,
    out_of_reach,
    patiently,
)
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


MIRROR = "LM_EVAL_IBERIAN_MIRROR"
_HUB = "https://huggingface.co/"
_TIMEOUT = 30  # seconds without a byte


@dataclass(frozen=True)
class PublishedVersion:
    """What a published file of one language holds when no row was lost.

    Attributes:
        told_by: What tells it from another version, where there is one.
    """

    language: str
    prompts: int
    instructions: int
    told_by: str = ""


@dataclass(frozen=True)
class PinnedSource:
    """One entry of ``data/SOURCES.toml``: what it is, where, at which commit.

    Attributes:
        sha256: The digest of the file, where it is known; then there is one language.
        prompts: How many prompts the file holds, where that is known.
        instructions: How many instructions these have together.
        size: How many bytes the file has, where that is known.
        versions: What each language's file holds, where there are several languages.
        partial_mirror: Whether a mirror may hold a part of the rows.
        prompts_of: Of prompts for IFEval: whose they are; empty for other data.
    """

    name: str
    what: str
    url: str
    commit: str
    languages: tuple[str, ...]
    sha256: str | None = None
    prompts: int | None = None
    instructions: int | None = None
    size: int | None = None
    versions: tuple[PublishedVersion, ...] = ()
    partial_mirror: bool = False
    prompts_of: str = ""

    def locate(self, lang: str) -> str:
        """Return the address of one language's file.

        Raises:
            UnknownNameError: The source has no such language.
        """
        if lang not in self.languages:
            raise UnknownNameError(f"language of {self.name}", lang, self.languages)
        return self.url.format(commit=self.commit, lang=lang)

    def versions_in(self, lang: str) -> tuple[PublishedVersion, ...]:
        """Return what a language's whole file may hold, nothing where it is unknown."""
        if self.prompts is not None and self.instructions is not None:
            return (PublishedVersion(lang, self.prompts, self.instructions),)
        return tuple(one for one in self.versions if one.language == lang)

    def verify(self, path: Path) -> None:
        """Compare a fetched file with the size and the digest, where they are pinned.

        Raises:
            DataError: It is another file.
        """
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            raise DataError(
                f"it has {size:,} bytes, pinned are {self.size:,} (data/SOURCES.toml)"
            )
        if self.sha256 is not None and (found := sha256(path)) != self.sha256:
            raise DataError(
                f"its SHA-256 is {found}, pinned is {self.sha256} (data/SOURCES.toml)"
            )


def source(name: str) -> PinnedSource:
    """Return the pinned source called ``name`` in ``data/SOURCES.toml``.

    Raises:
        UnknownNameError: There is none.
    """
    entries = read_toml(data() / "SOURCES.toml")
    if name not in entries:
        raise UnknownNameError("data source", name, entries)
    return _source(name, entries[name])


def ifeval_sources() -> list[PinnedSource]:
    """Return the sources of prompts for IFEval, in the order of the file."""
    entries = read_toml(data() / "SOURCES.toml")
    return [_source(n, entry) for n, entry in entries.items() if "prompts_of" in entry]


def _source(name: str, said: Mapping[str, Any]) -> PinnedSource:
    names = {field.name for field in fields(PinnedSource)}
    entry = {key: value for key, value in said.items() if key in names}
    versions = (PublishedVersion(**one) for one in entry.get("versions", ()))
    changed = {"languages": tuple(entry["languages"]), "versions": tuple(versions)}
    return PinnedSource(name, **entry | changed)


def is_mirrored() -> bool:
    """Tell whether files come from a mirror that somebody chose."""
    return bool(os.environ.get(MIRROR))


def cached(url: str) -> Path:
    """Return where the local copy of ``url`` is, or would be."""
    return cache_folder() / urlsplit(url).path.lstrip("/")


def fetch(
    url: str, what: str, task: str, *, check: Callable[[Path], object] | None = None
) -> Path:
    """Return the local copy of ``url``, fetched once.

    The file appears under its name only when it is whole and ``check`` accepts it.

    Args:
        url: Where it is; ``LM_EVAL_IBERIAN_MIRROR`` replaces scheme and host, and
            ``HF_ENDPOINT`` those of the Hugging Face hub.
        what: What it is, for the message when it can't be had.
        task: The task that needs it, for the same message.
        check: Called with the fetched file before it is kept; raises on bad content.

    Raises:
        DataUnavailableError: Not in the cache, and no network or not there.
        DataError: What came back is not what ``check`` wants.
    """
    target = cached(url)
    if target.is_file():
        return target
    address = _mirrored(url)
    name = f"{what[0].upper()}{what[1:]}"
    by_hand = f"save {address} as {target}"
    advice = f"where there is a network, run `iberian fetch {task}`"
    forbids = offline()
    if forbids:
        why = f"not in the cache and could not be fetched ({forbids} is set)"
        absent = out_of_reach() if os.environ.get(CHECKING) else why
        raise DataUnavailableError(f"{name} is {absent}", f": {advice}, or {by_hand}")
    require_writable(target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.{get_ident()}.partial")
    try:
        reason = _download(address, partial)
        if reason is not None:
            raise DataUnavailableError(
                f"{name} is not in the cache and could not be fetched ({reason}):"
                f" try again later, or {by_hand}",
                f"; {advice}",
            )
        if check is not None:
            try:
                check(partial)
            except DataError as error:
                raise DataError(
                    f"What {address} returned is not {what}: {error}"
                ) from error
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _download(address: str, partial: Path) -> str | None:
    """Fetch into ``partial``; return why it could not be, or None."""
    import requests

    try:
        patiently(lambda: _save(address, partial), address)
    except requests.HTTPError as error:
        wanted = asked_to_wait(error.response.headers)
        asks = "" if wanted is None else f", it asks to wait {wanted:.0f} s"
        return f"HTTP {error.response.status_code}{asks}"
    except requests.RequestException as error:  # a body cut off, too
        return f"{type(error).__name__} after {TRIES} tries"
    return None


def _save(address: str, partial: Path) -> None:
    import requests
    from tqdm import tqdm

    headers = {"User-Agent": USER_AGENT}
    with requests.get(address, stream=True, timeout=_TIMEOUT, headers=headers) as reply:
        reply.raise_for_status()
        length = reply.headers.get("Content-Length")
        encoded = reply.headers.get("Content-Encoding", "identity") != "identity"
        total = int(length) if length and not encoded else None
        with (
            partial.open("wb") as file,
            tqdm(
                total=total, unit="B", unit_scale=True, desc="fetch", leave=False
            ) as bar,
        ):
            for block in reply.iter_content(1 << 16):
                file.write(block)
                bar.update(len(block))


def _mirrored(url: str) -> str:
    name, mirror = MIRROR, os.environ.get(MIRROR)
    if not mirror and url.startswith(_HUB):
        name, mirror = "HF_ENDPOINT", os.environ.get("HF_ENDPOINT")
    if not mirror:
        return url
    host = urlsplit(mirror.rstrip("/"))
    if host.scheme not in ("http", "https") or not host.netloc:
        raise DataUnavailableError(f"{name}={mirror} is no address: https://… is one")
    rest = urlsplit(url)
    return urlunsplit((host.scheme, host.netloc, host.path + rest.path, rest.query, ""))
