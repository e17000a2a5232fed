"""Check a merge before the first byte is written, and keep half-done ones unseen."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.checkpoints import Checkpoint, locate, read_checkpoint
from mergekit_ext.errors import OutputError, RecipeError
from mergekit_ext.input_checks import check_alike, check_finite
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.output_folder import check_replaceable, whole_or_nothing
from mergekit_ext.recipe import Model, Recipe
from mergekit_ext.recipe_checks import check_coverage, check_recipe


_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model")


@dataclass(frozen=True)
class Permissions:
    """What the user has allowed on the command line.

    Args:
        any_architecture: ``--allow-crimes``.
        any_vocabulary: ``--unsafe-truncate-embeddings``.
        copy_tokenizer: ``--copy-tokenizer``; the result must then have one.
        safetensors: ``--safe-serialization``.
        cache_dir: ``--transformers-cache``.
    """

    any_architecture: bool = False
    any_vocabulary: bool = False
    copy_tokenizer: bool = True
    safetensors: bool = True
    cache_dir: str | None = None


def guarded_merge(
    recipe: Recipe,
    parameters: Sequence[Parameter],
    out: str,
    merge: Callable[[str], None],
    allowed: Permissions,
) -> None:
    """Check a recipe and its models, merge, and put the whole result in its place.

    Args:
        recipe: What to merge.
        parameters: What its method lets a recipe set.
        out: The folder that the result is to be.
        merge: Writes the result to the folder it is given.
        allowed: What the user has allowed.

    Raises:
        MergeError: If anything stands in the way; ``out`` is then as it was.
    """
    check_recipe(recipe, parameters)
    target = Path(os.path.realpath(out))
    check_replaceable(target)
    checkpoints = _read_inputs(recipe, target, allowed)
    names = checkpoints[0].tensors if checkpoints else [""]
    check_coverage(recipe, parameters, names)
    check_alike(
        checkpoints,
        whole_models=recipe.whole_models,
        any_architecture=allowed.any_architecture,
        any_vocabulary=allowed.any_vocabulary or recipe.sets_tokenizer,
    )
    for checkpoint in checkpoints:
        check_finite(checkpoint)
    with whole_or_nothing(target) as folder:
        merge(str(folder))
        _check_result(folder, checkpoints, recipe, allowed)


def _read_inputs(
    recipe: Recipe, target: Path, allowed: Permissions
) -> list[Checkpoint]:
    """Read every model that is here; those that mergekit is to fetch are left out."""
    folders = _locate_all(recipe, allowed)
    if any(os.path.realpath(folder) == str(target) for folder in folders.values()):
        raise OutputError(
            f"Output {target} is one of the models to merge; give another folder."
        )
    return [
        read_checkpoint(model.name, folder)
        for model, folder in folders.items()
        if not _is_partly_cached(model, folder)
    ]


def _locate_all(recipe: Recipe, allowed: Permissions) -> dict[Model, Path]:
    folders: dict[Model, Path] = {}
    names: dict[tuple[str, str | None], str] = {}
    for model in recipe.models:
        folder = locate(model, allowed.cache_dir)
        if model.adapter is not None:
            locate(Model(model.adapter, model.adapter), allowed.cache_dir)
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


def _is_partly_cached(model: Model, folder: Path) -> bool:
    """Whether mergekit still has to fetch this model's weights."""
    return not Path(model.path).is_dir() and not any(folder.glob("*.safetensors"))


def _check_result(
    folder: Path,
    checkpoints: Sequence[Checkpoint],
    recipe: Recipe,
    allowed: Permissions,
) -> None:
    """Refuse a result without what a model needs; mergekit only logs some failures."""
    if not (folder / "config.json").is_file():
        raise OutputError("The merge wrote no config.json; nothing was kept.")
    if allowed.safetensors:
        if not any(folder.glob("*.safetensors")):
            raise OutputError("The merge wrote no weights; nothing was kept.")
        read_checkpoint("the result", folder)
    if not _has_tokenizer(folder) and (
        recipe.sets_tokenizer
        or (allowed.copy_tokenizer and _donor_has_tokenizer(recipe, checkpoints))
    ):
        raise OutputError(
            "The tokenizer could not be copied, for the reason logged above; nothing"
            " was kept."
        )


def _donor_has_tokenizer(recipe: Recipe, checkpoints: Sequence[Checkpoint]) -> bool:
    """Whether the base, which gives the tokenizer, is here and has one to give."""
    base = recipe.models[0].name
    return any(_has_tokenizer(c.folder) for c in checkpoints if c.model == base)


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _TOKENIZER_FILES)
