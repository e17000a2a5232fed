"""Local folders as absolute paths, and back again where a user reads them.

mergekit's model card takes ``models/basque`` for a hub id and asks the hub for it: the
merge then fails offline, or links to a stranger's model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel


def with_absolute_folders(
    value: Any,
    path_type: Any,
    renamed: dict[str, str],
    found: Mapping[tuple[str, str | None], Path] | None = None,
) -> Any:
    """Copy a configuration, its folders written as absolute paths.

    Args:
        value: A mergekit configuration, or a part of one.
        path_type: mergekit's ``ModelPath``.
        renamed: Receives what each absolute path was written as.
        found: Hub id and revision to the snapshot of it that is to be taken.
    """
    if type(value) is path_type:
        path = os.path.abspath(value.path)
        if not os.path.isdir(path):
            snapshot = (found or {}).get((value.path, value.revision))
            path = value.path if snapshot is None else str(snapshot.absolute())
        if path == value.path:
            return value
        renamed[path] = value.path
        return value.model_copy(update={"path": path})
    if isinstance(value, BaseModel):
        fields = {
            name: with_absolute_folders(v, path_type, renamed, found)
            for name, v in value
        }
        return value.model_copy(update=fields)
    if isinstance(value, (list, tuple)):
        return type(value)(
            with_absolute_folders(v, path_type, renamed, found) for v in value
        )
    if isinstance(value, dict):
        return {
            key: with_absolute_folders(v, path_type, renamed, found)
            for key, v in value.items()
        }
    return value


def restore_names(card: Path, renamed: dict[str, str]) -> None:
    """Write the folders in a model card as the recipe has them."""
    if not card.is_file():
        return
    text = card.read_text(encoding="utf-8")
    for path in sorted(renamed, key=len, reverse=True):
        text = text.replace(path, renamed[path])
    card.write_text(text, encoding="utf-8")
