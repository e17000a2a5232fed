"""The Hugging Face cache: where it is, whether it can be written, how it is read."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from lm_eval_iberian.errors import DataUnavailableError


def cache_folder() -> Path:
    """Return our folder in the cache; the hub's own library says where that is."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "lm_eval_iberian"


def hub_folders() -> list[Path]:
    """Return where the hub's own libraries keep files and prepared datasets."""
    from datasets import config
    from huggingface_hub import constants

    return [Path(constants.HF_HUB_CACHE), Path(config.HF_DATASETS_CACHE)]


def why_unwritable(folder: Path) -> str | None:
    """Return why no file can be made in a folder, None where one can.

    The folder need not exist yet; nothing is left behind.
    """
    here = folder.absolute()
    while not os.path.lexists(here):
        here = here.parent
    try:
        with tempfile.TemporaryFile(dir=here):
            return None
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)


def require_writable(folder: Path) -> None:
    """Refuse a folder of the cache that nothing can be fetched into.

    Raises:
        DataUnavailableError: It cannot be written.
    """
    why = why_unwritable(folder)
    if why is not None:
        raise DataUnavailableError(
            f"The cache {folder} cannot be written ({why}): set HF_HOME to a folder"
            " that can be"
        )


def readable_datasets() -> Path | None:
    """Return a folder from which ``datasets`` can read a cache it cannot write.

    It locks whatever it reads, in the folder that it reads from. The stand-in has
    folders of its own and links to the files; it is gone when the process ends.

    Returns:
        None where the cache can be written, or is not there.
    """
    from datasets import config

    root = Path(config.HF_DATASETS_CACHE)
    if not root.is_dir() or why_unwritable(root) is None:
        return None
    return _stand_in(root.absolute())


@lru_cache(maxsize=4)
def _stand_in(root: Path) -> Path:
    copy = Path(tempfile.mkdtemp(prefix="iberian-cache-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for folder, below, names in os.walk(root):
        here = copy / Path(folder).relative_to(root)
        here.mkdir(exist_ok=True)
        if Path(folder) == root and "downloads" in below:
            below.remove("downloads")
        for name in names:
            if not name.endswith(".lock"):
                (here / name).symlink_to(Path(folder) / name)
    return copy
