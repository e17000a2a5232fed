"""Folders of ``iberian search``, whose models were chosen by the items in them.

A number of such items is too good for the models that they chose. So whatever reports
results passes these folders by, and says where the search has its own report.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from lm_eval_iberian.errors import DataError


SEARCH_FILE, FRONT_FILE = "search.json", "front.md"
# it writes down its version, under its own name
_PROGRAM = "lm_eval_iberian"


def refuse_searched(path: Path) -> None:
    """Refuse a path that is the folder of a search, or lies in one.

    Raises:
        DataError: It is, with where the search has its report.
    """
    for place in (path, *path.resolve().parents):
        if why := search_refusal(place):
            raise why


def refuse_searches_in(path: Path) -> None:
    """Refuse a folder for the first search, at any depth, that is in it.

    Raises:
        DataError: There is one, with where it has its report.
    """
    for file in sorted(path.rglob(SEARCH_FILE)):
        if why := search_refusal(file.parent):
            raise why


def search_refusal(place: Path) -> DataError | None:
    """Return why the folder of a search is not reported, ``None`` of another folder."""
    try:
        content = json.loads((place / SEARCH_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None  # a file of somebody else's
    if not (isinstance(content, dict) and content.keys() >= {"search", _PROGRAM}):
        return None
    front = place / FRONT_FILE
    if front.is_file():
        where = f"stands in {front}"
    else:
        command = ["iberian", "search", str(content.get("file")), "-o", str(place)]
        where = f"will stand in {front} at its end: {shlex.join(command)}"
    return DataError(
        f"{place} is the folder of a search, and its models were chosen by items that"
        f" are in it: how they do on items that were held out {where}"
    )
