"""Find every model of a recipe and read its headers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.errors import InputError, OutputError, RecipeError
from mergekit_ext.inputs.checkpoints import (
    WITHOUT_WEIGHTS,
    Checkpoint,
    fetch_model,
    locate,
    read_checkpoint,
    read_json,
)
from mergekit_ext.inputs.safetensors_header import read_header
from mergekit_ext.recipes.recipe import Model, Recipe


# what mergekit would fetch, and chat templates
_FETCHED = (*WITHOUT_WEIGHTS, "*.safetensors")


@dataclass(frozen=True)
class InputModel:
    """A model that is here.

    Args:
        model: As the recipe refers to it.
        checkpoint: Its configuration and headers.
        adapter: The folder of the LoRA that is merged into it, and its weights.
    """

    model: Model
    checkpoint: Checkpoint
    adapter: Checkpoint | None = None


def read_inputs(
    recipe: Recipe, target: Path | None, cache_dir: str | None, *, fetch: bool = False
) -> list[InputModel]:
    """Read every model that is here; the base is the first.

    Args:
        recipe: What refers to them.
        target: The output, which must not be one of them; ``None`` where nothing is
            to be written.
        cache_dir: The hub cache; ``None`` for the usual one.
        fetch: Whether to fetch what is not here; else mergekit will, unchecked.

    Raises:
        MergeError: If one is missing or broken, or two references are to one folder.
    """
    folders = _locate_all(recipe, cache_dir, fetch)
    if any(os.path.realpath(folder) == str(target) for folder in folders.values()):
        raise OutputError(
            f"Output {target} is one of the models to merge; give another folder."
        )
    return [
        InputModel(
            model, read_checkpoint(model.name, folder), _adapter(model, cache_dir)
        )
        for model, folder in folders.items()
        if not _is_partly_cached(model, folder)
    ]


def _locate_all(
    recipe: Recipe, cache_dir: str | None, fetch: bool
) -> Mapping[Model, Path]:
    folders: dict[Model, Path] = {}
    names: dict[tuple[str, str | None], str] = {}
    for model in recipe.models:
        folder = locate(model, cache_dir)
        if fetch and (folder is None or _is_partly_cached(model, folder)):
            folder = fetch_model(model, cache_dir, _FETCHED)
        if folder is None:
            continue
        place = os.path.realpath(folder), model.adapter
        if place in names:
            raise RecipeError(
                f"{names[place]!r} and {model.name!r} are one folder; write it in one"
                " way, or mergekit takes it for two models."
            )
        names[place] = model.name
        folders[model] = folder
    return folders


def _adapter(model: Model, cache_dir: str | None) -> Checkpoint | None:
    if model.adapter is None:
        return None
    folder = locate(Model(model.adapter, model.adapter), cache_dir)
    if folder is None or not Path(model.adapter).is_dir():
        return None
    config = read_json(model.adapter, folder / "adapter_config.json")
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise InputError(
            f"Adapter {model.adapter!r}: {folder} holds no adapter_model.safetensors."
            " Pickled weights cannot be checked before they are run; save it again as"
            " safetensors."
        )
    return Checkpoint(
        model.adapter, folder, config, read_header(model.adapter, weights)
    )


def _is_partly_cached(model: Model, folder: Path) -> bool:
    """Whether this model's weights are still to be fetched."""
    if Path(model.path).is_dir():
        return False
    return not any((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
