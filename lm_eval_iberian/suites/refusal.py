"""Why a dataset is not to be had, in a word and a sentence, from what was raised."""

from __future__ import annotations

import errno
import importlib.metadata
import importlib.util
import os
import re
from dataclasses import dataclass
from typing import Literal

from lm_eval_iberian.errors import (
    DataError,
    DataUnavailableError,
    IberianError,
    causes,
)
from lm_eval_iberian.network import out_of_reach, status_code
from lm_eval_iberian.terminal import one_line


Status = Literal[
    "gated", "gone", "changed schema", "damaged", "no network", "broken", "failed"
]  # fmt: skip
_HTTP = re.compile(r"\bHTTP (\d{3})\b")
_NET = ("httpx", "httpcore", "httpx2", "requests", "urllib3", "aiohttp", "socket")
_CHANGED = {
    "CastError",
    "DataFilesNotFoundError",
    "DatasetGenerationError",
    "EmptyDatasetError",
    "NonMatchingSplitsSizesError",
    "UnexpectedSplitsError",
}


class DamagedError(DataError):
    """What came in is not what the server says it is."""


@dataclass(frozen=True)
class Refusal:
    """Why something is missing."""

    status: Status
    sentence: str


def refusal(error: BaseException, dataset: str) -> Refusal:
    """Return why a dataset could not be had; not which command would fetch it.

    Args:
        error: What was raised; its causes count as well.
        dataset: The hub's id, for the address where access is asked for.
    """
    chain = list(causes(error))
    own = next((e for e in chain if isinstance(e, IberianError)), None)
    for one in chain:
        found = _of_the_hub(one, dataset) or _of_datasets(one, dataset)
        if found is not None:
            break
    else:
        found = _of_python(chain) or Refusal("failed", _named(error))
    if own is not None:  # our own loaders know more than their causes
        status = _of_ours(own, found.status)
        return Refusal(status, one_line(getattr(own, "fact", own), 600))
    return found


def gated(dataset: str, why: str = "it is gated") -> Refusal:
    """Return how to get access to a dataset."""
    page = f"https://huggingface.co/datasets/{one_line(dataset, 100)}"
    return Refusal(
        "gated",
        f"{why}: open {page}, accept its terms, then `hf auth login`"
        " (older: `huggingface-cli login`)",
    )


def broken_import(error: BaseException) -> str | None:
    """Name the import that an installed package no longer serves, if that is it."""
    for one in causes(error):
        if not isinstance(one, ImportError) or not one.name:
            continue
        top = one.name.partition(".")[0]
        if importlib.util.find_spec(top) is None:
            return f"needs the package {one_line(one.name, 100)}: pip install {top}"
        return (
            f"broken upstream: it imports {one_line(one.name, 100)}"
            f" ({one_line(one, 150)}), which {top} {_version(top)} does not have"
        )
    return None


def _of_the_hub(error: BaseException, dataset: str) -> Refusal | None:
    from huggingface_hub import errors as hub

    code = status_code(error)
    if isinstance(error, hub.GatedRepoError):
        return gated(dataset)
    if isinstance(error, hub.DisabledRepoError):
        return Refusal("gone", "the hub has disabled it")
    if isinstance(error, hub.RevisionNotFoundError):
        return Refusal("gone", f"the revision is gone: {_named(error)}")
    if isinstance(error, hub.LocalEntryNotFoundError):
        return None  # its cause says why
    if isinstance(error, hub.EntryNotFoundError):
        return Refusal("gone", f"a file of it is gone: {_named(error)}")
    return None if code is None else _of_status(code, dataset, error)


def _of_status(code: int, dataset: str, error: BaseException) -> Refusal:
    if code == 401:
        why = "gated, private or gone (the hub answers 401 for each)"
        return gated(dataset, why)
    if code == 403:
        return gated(dataset, "it is gated (HTTP 403)")
    if code in (404, 410):
        return Refusal("gone", f"the hub has no such dataset or file (HTTP {code})")
    return Refusal("no network", f"the server answered HTTP {code}: try again later")


def _of_datasets(error: BaseException, dataset: str) -> Refusal | None:
    text = str(error)
    if "is a gated dataset" in text:
        return gated(dataset)
    if "Dataset scripts are no longer supported" in text:
        return Refusal("gone", "it is a script, and datasets no longer runs scripts")
    if type(error).__name__ in _CHANGED or text.startswith("BuilderConfig "):
        return Refusal("changed schema", _named(error))
    if type(error).__name__ == "DatasetNotFoundError":
        return Refusal("gone", _named(error))
    return None


def _of_python(chain: list[BaseException]) -> Refusal | None:
    absent = out_of_reach()
    imported = broken_import(chain[0])
    if imported:
        return Refusal("broken", imported)
    for one in chain:
        module = type(one).__module__.partition(".")[0]
        if module in _NET or isinstance(one, (ConnectionError, TimeoutError)):
            if absent:
                return Refusal("no network", absent)
            return Refusal("no network", f"could not be reached: {_named(one)}")
        if "Couldn't find cache for" in str(one):
            return Refusal("no network", absent or "not in the cache")
        if isinstance(one, OSError) and one.errno in (errno.EROFS, errno.EACCES):
            return Refusal(
                "failed",
                f"{one_line(one.filename, 200)} cannot be written"
                f" ({os.strerror(one.errno)}), and the hub's libraries write a lock"
                " even to read: set HF_HOME to a folder that can be written",
            )
    return None


def _of_ours(error: IberianError, otherwise: Status) -> Status:
    match = _HTTP.search(str(error))
    if isinstance(error, DataUnavailableError):
        if match is None:
            return "no network" if otherwise == "failed" else otherwise
        return _of_status(int(match[1]), "", error).status
    if isinstance(error, DamagedError):
        return "damaged"
    return "changed schema" if isinstance(error, DataError) else otherwise


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {one_line(error)}"


def _version(top: str) -> str:
    names = importlib.metadata.packages_distributions().get(top, [])
    return importlib.metadata.version(names[0]) if names else ""
