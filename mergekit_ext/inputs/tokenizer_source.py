"""Whether what a recipe says of tokenizer and chat template can be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.compat import part
from mergekit_ext.errors import InputError, RecipeError, unknown_name
from mergekit_ext.inputs.checkpoints import locate
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
    """Check ``chat_template`` and ``tokenizer_source``, and find who is not merged.

    Raises:
        RecipeError: If there is no such template, or no base to take it from.
        InputError: If the model is not to be found, or has no tokenizer.
    """
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
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if folder is not None and not any((folder / name).is_file() for name in _FILES):
        raise InputError(
            f"{where}: Model {source.name!r} has no tokenizer in {folder}."
        )
    if folder is None or source in recipe.models:
        return None
    return Donor(source, folder)


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
