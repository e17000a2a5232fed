"""What models and files are called where others read it: no paths of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.terminal import shown


_ORG_AND_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
_NOT_PORTABLE = re.compile(r"[^\w.()=+,@-]")
_CHECKPOINT = re.compile(r"checkpoint-\d+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|data)(\..*)?", re.I)


def is_hub_id(name: str) -> bool:
    """Return whether a name is one of the hub: ``org/name``, and no folder here."""
    return _ORG_AND_NAME.fullmatch(name) is not None and not Path(name).exists()


def public_name(name: str) -> str:
    """Return a model's name without the folders it lies in.

    >>> public_name("/data/me/models/merged-eu")
    'merged-eu'
    >>> public_name("/data/me/tuned/checkpoint-15")
    'tuned-checkpoint-15'
    >>> public_name("HiTZ/Latxa-Llama-3.1-8B")
    'HiTZ/Latxa-Llama-3.1-8B'
    """
    # a revision, say, may hold a slash
    bare, bracket, more = name.partition(" (")
    if not is_hub_id(bare) and re.search(r"[/\\]", bare):
        parts = PureWindowsPath(bare).parts[-2:]
        keep = 2 if _CHECKPOINT.fullmatch(parts[-1]) else 1
        bare = "-".join(part.strip("/\\") for part in parts[-keep:])
    return shown((bare.strip("-. ") or "model") + bracket + more)


def public_names(names: Iterable[str]) -> dict[str, str]:
    """Return the public name of each model.

    Raises:
        DataError: Two of them would share one.
    """
    found: dict[str, str] = {}
    for name in names:
        public = public_name(name)
        for other, taken in found.items():
            if taken == public:
                raise DataError(
                    f"{shown(other)} and {shown(name)} would both be published as"
                    f" {public}; give one another name with --rename OLD=NEW"
                )
        found[name] = public
    return found


def portable(name: str) -> str:
    """Return a name as one part of a path, on any system.

    >>> portable("a/b:c.")
    'a_b_c'
    """
    part = _NOT_PORTABLE.sub("_", name).strip(". ") or "_"
    return f"_{part}" if _RESERVED.fullmatch(part) else part
