"""One dataset, downloaded, checked and prepared with the hub's own libraries."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, DataUnavailableError
from lm_eval_iberian.files import sha256
from lm_eval_iberian.network import (
    USER_AGENT,
    be_patient,
    offline,
    patiently,
    status_code,
)
from lm_eval_iberian.suites.lock import COMMIT, File, LockEntry, now
from lm_eval_iberian.suites.needs import Need
from lm_eval_iberian.suites.refusal import DamagedError


Meter = Callable[[int], None]
_HF = re.compile(r"^hf://datasets/(?P<repo>[^@]+)@(?P<sha>[0-9a-f]{40})/(?P<name>.+)$")


def fetch_dataset(need: Need, revision: str | None, meter: Meter) -> LockEntry:
    """Download a dataset and prepare it, so that it loads without a network.

    Faults that pass are tried again, three times in all. What is whole is not fetched
    twice; a file that is not what the hub says it is, is thrown away.

    Args:
        need: A dataset of the hub.
        revision: A commit, or None for what the task asks for.
        meter: Called with the bytes that came in.

    Raises:
        Exception: Whatever the libraries raise; ``refusal`` words it.
    """
    return patiently(lambda: _fetch(need, revision, meter))


def _fetch(need: Need, revision: str | None, meter: Meter) -> LockEntry:
    from datasets import DownloadConfig, disable_progress_bars, load_dataset_builder

    disable_progress_bars()
    options = need.options
    if options.pop("streaming", False):
        raise DataError("The task streams it from the hub: it cannot run offline")
    asked = revision or options.pop("revision", None)
    options.pop("revision", None)
    commit, digests = _commit(need.dataset, asked)
    builder = load_dataset_builder(
        need.dataset,
        need.config or None,
        revision=commit,
        download_config=DownloadConfig(user_agent=USER_AGENT),
        **options,
    )
    # the library falls back on whatever is in the cache
    if commit is not None and builder.hash != commit:
        raise DataUnavailableError(
            f"The cache has revision {builder.hash} of it, needed is {commit}"
        )
    files = _files(builder, digests, meter)
    builder.download_and_prepare()
    with suppress(OSError):  # offline, the library takes the newest
        os.utime(builder.cache_dir)
    return _entry(need, builder, files)


def _entry(need: Need, builder: Any, files: tuple[File, ...]) -> LockEntry:
    splits, names = builder.info.splits or {}, tuple(builder.info.features or ())
    sha = str(builder.hash)
    return LockEntry(
        dataset=need.dataset,
        config=need.config,
        arguments=need.arguments,
        revision=sha if COMMIT.match(sha) else None,
        files=files,
        rows={split: info.num_examples for split, info in splits.items()},
        fields={split: names for split in splits},
        size=sum(f.size for f in files) if files else builder.info.dataset_size,
        fetched_at=now(),
    )


@lru_cache(maxsize=256)
def _commit(dataset: str, revision: str | None) -> tuple[str | None, dict[str, str]]:
    """Return the commit of a revision, and the SHA-256 of the files that have one.

    Once per process and dataset: its configurations are of the same commit.
    """
    known = revision if revision and COMMIT.match(revision) else None
    if dataset.count("/") != 1 or Path(dataset).exists() or offline():
        return known, {}
    from huggingface_hub import HfApi

    be_patient()
    try:
        info = HfApi(user_agent=USER_AGENT).dataset_info(
            dataset, revision=revision, files_metadata=True, timeout=30
        )
    except Exception as error:
        if _answered(error) or not in_cache(dataset):
            raise
        return known, {}
    digests = {
        file.rfilename: str(file.lfs["sha256"])
        for file in info.siblings or ()
        if file.lfs is not None
    }
    return info.sha, digests


def _answered(error: Exception) -> bool:
    return isinstance(error, DataUnavailableError) or status_code(error) is not None


def in_cache(dataset: str) -> bool:
    """Whether something of a dataset is here: else asking on is a waste of time."""
    from datasets import config

    folder = dataset.replace("/", "___").lower()
    root = Path(config.HF_DATASETS_CACHE)
    return root.is_dir() and any(
        path.name.replace("_", "").lower() == folder.replace("_", "")
        for path in root.iterdir()
    )


def _files(builder: Any, digests: dict[str, str], meter: Meter) -> tuple[File, ...]:
    """Download and check the files a configuration is made of."""
    found: dict[str, File] = {}
    urls = [u for s in (builder.config.data_files or {}).values() for u in s]
    for url in dict.fromkeys(map(str, urls)):
        match = _HF.match(url)
        if match:
            path = _download(match, meter)
            file = _file(match["name"], path)
            _check(file, digests.get(file.name), path)
            found[file.name] = file
        elif Path(url).is_file():
            found[url] = _file(Path(url).name, Path(url))
    return tuple(found.values())


def _download(match: re.Match[str], meter: Meter) -> Path:
    from huggingface_hub import hf_hub_download
    from tqdm import tqdm

    class Metered(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **(kwargs | {"disable": True}))

        def update(self, n: float | None = 1) -> bool | None:
            meter(int(n or 0))
            return None

    path = hf_hub_download(
        match["repo"],
        match["name"],
        repo_type="dataset",
        revision=match["sha"],
        user_agent=USER_AGENT,
        tqdm_class=Metered,
    )
    return Path(path)


def _file(name: str, path: Path) -> File:
    return File(name, path.stat().st_size, sha256(path))


def _check(file: File, wanted: str | None, path: Path) -> None:
    if wanted is None or wanted == file.sha256:
        return
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    raise DamagedError(
        f"{file.name} came with the SHA-256 {file.sha256}, the hub says {wanted}:"
        " it was thrown away; fetch it again"
    )
