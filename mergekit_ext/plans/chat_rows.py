"""``special_tokens:`` of a recipe, written out as mergekit has it.

mergekit itself ignores the key. What it stands for, mergekit can do: an entry of
``tokenizer: tokens:`` for each chat token, with ``force``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from mergekit_ext.compat import attribute, part
from mergekit_ext.errors import RecipeError, unknown_name
from mergekit_ext.inputs.chat_tokens import chat_tokens
from mergekit_ext.inputs.checkpoints import fetch_model, locate
from mergekit_ext.inputs.tokenizer_source import same_model
from mergekit_ext.inputs.turn_ends import TOKENIZER, read_turn_ends
from mergekit_ext.plans.turn_plan import read_turns
from mergekit_ext.recipes.recipe import Model, Recipe
from mergekit_ext.recipes.recipe_reader import plain, read_recipe


KEY = "special_tokens"
CHOICES = ("instruct", "base", "average")
# what is read of a model for its tokens, and no weights
_FETCHED = ("*.json", "tokenizer.model", "*.txt", "*.jinja")


def asked_rows(source: str | None) -> str:
    """Return whose rows of the chat tokens a recipe's text asks for.

    Raises:
        RecipeError: If that is nobody who has any.
    """
    try:
        raw = yaml.safe_load(source) if source is not None and KEY in source else None
    except yaml.YAMLError:  # a program may give any text
        raw = None
    asked = raw.get(KEY, "average") if isinstance(raw, Mapping) else "average"
    if asked not in CHOICES:
        kind = f"choice of {KEY}"
        raise RecipeError(f"{KEY}: {unknown_name(kind, str(asked), CHOICES)}")
    return str(asked)


def refuse_ignored_rows(source: str | None, method: str) -> None:
    """Refuse to let mergekit ignore what a recipe asks for.

    Raises:
        RecipeError: If it asks for whole rows and the method is mergekit's own.
    """
    if (asked := asked_rows(source)) != "average":
        raise RecipeError(
            f"{KEY} is {asked}, and mergekit's {method} would ignore it. Merge with"
            " `iberian merge`, or write out what it stands for with `iberian recipe"
            f" --special-tokens {asked}`."
        )


def with_chat_rows(
    config: Any, source: str | None, cache_dir: str | None, *, fetch: bool
) -> Any:
    """Return a configuration with an entry for each token that is to be kept whole.

    Entries that the recipe has itself are left as they are.

    Args:
        config: The ``MergeConfiguration``; it is not changed.
        source: The recipe's text, which has the key.
        cache_dir: The hub cache; ``None`` for the usual one.
        fetch: Whether to fetch the tokenizers of models that are not here; without, a
            recipe with such models is returned as it is.

    Raises:
        RecipeError: If no model is an instructed one, there is no base to give rows,
            or there are no such tokens.
        InputError: If a model cannot be had.
    """
    if (asked := asked_rows(source)) == "average":
        return config
    recipe = read_recipe(config)
    if fetch:
        _fetch(recipe, cache_dir)
    turns = read_turns(recipe, cache_dir)
    if turns is None:
        return config
    instruct = turns.donor
    if instruct is None:
        raise RecipeError(
            f"{KEY}: none of the models has a chat template, so that none is known to"
            " be the instructed one; name it in tokenizer_source."
        )
    base = None if config.base_model is None else recipe.models[0]
    theirs = None
    if base is not None and base.name != instruct.model:
        folder = locate(base, cache_dir)
        theirs = None if folder is None else read_turn_ends(base.name, folder)
    if asked == "base" and theirs is None:
        raise RecipeError(f"{KEY} is base, and the recipe merges no base model.")
    giver = instruct.model if asked == "instruct" or base is None else base.name
    tokens = chat_tokens(instruct, theirs)
    if not tokens:
        raise RecipeError(
            f"{KEY}: {instruct.model!r} has no tokens that the base does not know;"
            " leave it out."
        )
    block = {} if config.tokenizer is None else plain(config.tokenizer)
    named = recipe.tokenizer_source
    written = named.name if isinstance(named, Model) else named
    entries = {token: {"source": giver, "force": True} for token in tokens}
    block |= {
        "source": written or instruct.model,
        "tokens": entries | (block.get("tokens") or {}),
    }
    kind = attribute(part("tokenizer.config"), "TokenizerConfig")
    return config.model_copy(
        update={"tokenizer": kind.model_validate(block), "tokenizer_source": None}
    )


def _fetch(recipe: Recipe, cache_dir: str | None) -> None:
    source = recipe.tokenizer_source
    models = [*recipe.models]
    if isinstance(source, Model) and not any(same_model(source, m) for m in models):
        models.append(source)
    for model in models:
        if locate(model, cache_dir, TOKENIZER) is None:
            fetch_model(model, cache_dir, _FETCHED)
