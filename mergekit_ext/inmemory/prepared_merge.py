"""A recipe that has been read and checked, and is merged when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import torch
import yaml

from mergekit_ext.attach import check_device
from mergekit_ext.checked_merge import CheckedMerge, ReadyMerge, parameters_of
from mergekit_ext.compat import part
from mergekit_ext.errors import CompatError, RecipeError
from mergekit_ext.inmemory.built_tokenizer import BuiltTokenizer
from mergekit_ext.inputs.pickled_weights import FILE_DTYPES
from mergekit_ext.merge_file import open_merge
from mergekit_ext.plans.merge_plan import MergePlan
from mergekit_ext.recipes.recipe_file import read_text
from mergekit_ext.recipes.weight_override import with_weights
from mergekit_ext.watch import Watch


@dataclass(frozen=True)
class PreparedMerge:
    """A merge that has been checked as ``iberian merge`` checks one.

    Args:
        name: What messages call the recipe.
        merge: What mergekit is asked for.
        ready: What was found.
        tokenizer: The tokenizer of the result, if its recipe has one built.
    """

    name: str
    merge: CheckedMerge
    ready: ReadyMerge
    tokenizer: BuiltTokenizer = field(
        default_factory=BuiltTokenizer, repr=False, compare=False
    )

    @property
    def plan(self) -> MergePlan:
        """What mergekit will do."""
        if self.ready.plan is None:  # it was fetched
            raise CompatError(f"{self.name}: mergekit made no plan.")
        return self.ready.plan

    @property
    def watch(self) -> Watch:
        """Who is told how it goes."""
        return self.merge.watch

    @property
    def is_ours(self) -> bool:
        """Whether its method is of this package: the same bits on every device."""
        return self.merge.parameters is not None

    @property
    def dtypes(self) -> list[torch.dtype]:
        """The floating dtypes of the weights that it reads, each once."""
        headers = [
            h for one in self.ready.inputs for h in one.checkpoint.tensors.values()
        ]
        names = {header.dtype for header in headers}
        return [
            dtype
            for dtype, name in FILE_DTYPES.items()
            if dtype.is_floating_point and name in names
        ]

    def computed_on(self, device: str) -> PreparedMerge:
        """Return the same merge, computed and kept on another device.

        Raises:
            RecipeError: If torch cannot use it.
        """
        check_device(device)
        options = self.merge.options.model_copy(
            update={"device": device, "low_cpu_memory": True}
        )
        return replace(self, merge=replace(self.merge, options=options))


# a recipe's file, what such a file holds, or what has been made of it
AnyRecipe: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | PreparedMerge"


def prepare_merge(
    recipe: AnyRecipe,
    *,
    options: Mapping[str, Any] | None = None,
    weights: Mapping[str, float] | None = None,
    watch: Watch | None = None,
) -> PreparedMerge:
    """Read a recipe, and check all of it that needs no weights; nothing is written.

    Models that are not here are fetched into the hub cache, as mergekit would.

    Args:
        recipe: Its file, or what such a file holds. One that is prepared is returned
            as it is.
        options: Name to value of mergekit's ``MergeOptions``, such as ``device``.
        weights: Model to weight, in the place of the recipe's.
        watch: Told how it goes, from now on.

    Raises:
        MergeError: If anything stands in the way.
    """
    if isinstance(recipe, PreparedMerge):
        if options or weights or watch:
            raise RecipeError(
                f"{recipe.name} is prepared; give options, weights and watch to"
                " prepare_merge."
            )
        return recipe
    if isinstance(recipe, Mapping):
        name, source = "the recipe", yaml.safe_dump(dict(recipe), sort_keys=False)
    else:
        name = os.fspath(recipe)
        source = read_text(name)
    given = dict(options or {})
    if given.get("multi_gpu") or given.get("gpu_rich"):
        raise RecipeError(
            "A merge in memory runs on one device; leave multi_gpu and gpu_rich out."
        )
    change = partial(_weighted, weights=weights or {})
    merge = open_merge(source, name, given, watch or Watch(), fetch=True, change=change)
    ready = merge.prepare(None, fetch=True)
    _check_adapters(ready, merge.options.lora_merge_cache)
    return PreparedMerge(name, merge, ready, BuiltTokenizer(merge.config.chat_template))


def prepared_once(recipe: AnyRecipe, watch: Watch | None = None) -> PreparedMerge:
    """Prepare a recipe of which one thing is asked and nothing more.

    Raises:
        RecipeError: If its tokenizer would be another one when it is prepared again.
        MergeError: If anything else stands in the way.
    """
    prepared = prepare_merge(recipe, watch=watch)
    union = prepared.ready.recipe.tokenizer_source == "union"
    if union and not isinstance(recipe, PreparedMerge):
        raise RecipeError(
            f"{prepared.name} has tokenizer_source: union, whose new tokens mergekit"
            " numbers anew each time; give one prepare_merge(…) to merged_side_files"
            " and to what merges."
        )
    return prepared


def _weighted(config: Any, weights: Mapping[str, float]) -> Any:
    if not weights:
        return config
    parameters_of(config.merge_method)  # registers ours; refuses what is nobody's
    part("merge_methods")
    from mergekit_ext.register import parameter_names

    return with_weights(config, weights, parameter_names(config.merge_method))


def _check_adapters(ready: ReadyMerge, cache: str | None) -> None:
    """Refuse adapters that mergekit would merge into a copy on the disk."""
    for model in ready.recipe.models:
        if model.adapter is not None and cache is None:
            raise RecipeError(
                f"{model.name!r} has an adapter, which mergekit merges into a copy on"
                " the disk first; say where with lora_merge_cache, or merge it with"
                " `iberian merge` before."
            )
