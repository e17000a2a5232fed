"""A recipe as mergekit is to have it: what was found and checked, in place of names.

Local folders are absolute paths, and names again where a user reads them: mergekit's
model card takes ``models/basque`` for a hub id and asks the hub for it; the merge then
fails offline, or links to a stranger's model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mergekit_ext.compat import attribute, part
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.pickled_weights import LAZILY, is_pickled
from mergekit_ext.inputs.tokenizer_source import Donor
from mergekit_ext.plans.counted_layers import for_mergekit
from mergekit_ext.recipes.recipe_reader import in_recipe_order


def local_recipe(
    config: Any,
    inputs: Sequence[InputModel],
    donor: Donor | None,
    *,
    ours: bool,
    renamed: dict[str, str] | None = None,
) -> Any:
    """Return a configuration with the folders that were found, in the recipe's order.

    Args:
        config: The ``MergeConfiguration``; it is not changed.
        inputs: Its models.
        donor: The model that gives its tokenizer alone.
        ours: Whether its method is one of this package.
        renamed: Receives what each absolute path was written as.
    """
    found: dict[tuple[str, str | None], Path] = {}
    for one in inputs:
        found[one.model.path, one.model.revision] = one.checkpoint.folder
        if one.adapter is not None and one.model.adapter is not None:
            found[one.model.adapter, None] = one.adapter.folder
    if donor is not None:
        found[donor.model.path, donor.model.revision] = donor.folder
    renamed = {} if renamed is None else renamed
    local = with_absolute_folders(config, _path_type(), renamed, found)
    if ours:
        local = for_mergekit(local, [one.checkpoint for one in inputs])
    return in_recipe_order(local)


def shown_recipe(config: Any) -> Any:
    """Return a configuration for a model card: links to the hub, for what is there."""
    return in_recipe_order(with_absolute_folders(config, _path_type(), {}))


def local_options(options: Any, inputs: Sequence[InputModel]) -> Any:
    """Return mergekit's options; pickled weights are read one tensor at a time."""
    headers = [h for one in inputs for h in one.checkpoint.tensors.values()]
    pickled = [header for header in headers if is_pickled(header.file)]
    # of a single number mergekit's lazy reader makes nothing
    lazy = bool(pickled) and all(header.shape for header in pickled)
    if not lazy:
        return options
    return options.model_copy(update={"lazy_unpickle": LAZILY})


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


def _path_type() -> Any:
    return attribute(part("common"), "ModelPath")
