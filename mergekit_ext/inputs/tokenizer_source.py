"""Whether what a recipe says of tokenizer and chat template can be had."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.compat import part
from mergekit_ext.errors import InputError, RecipeError, unknown_name
from mergekit_ext.inputs.checkpoints import WITHOUT_WEIGHTS, fetch_model, locate
from mergekit_ext.recipes.recipe import Model, Recipe


_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


@dataclass(frozen=True)
class Donor:
    """A model that gives its tokenizer alone."""

    model: Model
    folder: Path


def find_tokenizer(
    recipe: Recipe, cache_dir: str | None, *, copied: bool = True
) -> Donor | None:
    """Check what a recipe says of the tokenizer, and find who is not merged.

    Raises:
        RecipeError: If there is no such template, no base to take it from, or a token
            of a model that is not merged.
        InputError: If the model is not to be found, or has no tokenizer.
    """
    _check_merged(recipe)
    if recipe.chat_template:
        _check_template(recipe.chat_template)
        if not (copied or recipe.sets_tokenizer):
            raise RecipeError(
                "chat_template: the result gets no tokenizer that could have one; set"
                " tokenizer_source, or leave out --no-copy-tokenizer."
            )
    source = recipe.tokenizer_source
    if source == "base" and recipe.models and not _has_base(recipe):
        raise RecipeError(
            "tokenizer_source is base, and the recipe has no base_model; name the model"
            " whose tokenizer it is to be, or union."
        )
    if source is None or isinstance(source, str):
        return None
    where = "tokenizer_source"
    try:
        folder = locate(source, cache_dir, "tokenizer_config.json")
        if folder is None and source not in recipe.models:
            folder = fetch_model(source, cache_dir, WITHOUT_WEIGHTS)
    except InputError as error:
        words = ["base", "union", *(model.name for model in recipe.models)]
        near = difflib.get_close_matches(source.name, words, n=3, cutoff=0.5)
        told = "Did you mean" in str(error) or source.name in words or not near
        hint = "" if told else f"did you mean {', '.join(near)}? "
        raise InputError(f"{where}: {hint}{error}") from error
    if folder is not None and not any((folder / name).is_file() for name in _FILES):
        raise InputError(
            f"{where}: Model {source.name!r} has no tokenizer in {folder}."
        )
    if folder is None or source in recipe.models:
        return None
    return Donor(source, folder)


def same_model(one: Model, other: Model) -> bool:
    """Whether two references are one to mergekit, which is given whole paths."""
    return _place(one) == _place(other)


def _place(model: Model) -> tuple[str, str | None, str | None]:
    path, adapter = (
        os.path.abspath(part) if part and os.path.isdir(part) else part
        for part in (model.path, model.adapter)
    )
    return path or "", model.revision, adapter


def _check_merged(recipe: Recipe) -> None:
    """Check that tokens come from models that are merged: others are not read."""
    for token, source in recipe.token_sources.items():
        given = source.model
        if given is None or any(same_model(given, m) for m in recipe.models):
            continue
        known = [model.name for model in recipe.models]
        raise RecipeError(
            f"tokenizer.tokens.{token}: "
            f"{unknown_name('model of this merge', given.name, known)}"
        )


def _has_base(recipe: Recipe) -> bool:
    return any(one.base is not None for one in recipe.slices)


def _check_template(template: str) -> None:
    """Check that mergekit will take it: a name that it knows, or Jinja."""
    if template == "auto":
        return
    folder = Path(str(part("_data.chat_templates").__file__)).parent
    known = [path.stem for path in folder.glob("*.jinja")]
    if template in known or (len(template) >= 20 and "{" in template):
        return
    raise RecipeError(
        f"chat_template: {unknown_name('chat template', template, [*known, 'auto'])}"
    )
