"""A merge as it was asked for: read, and checked before the first byte is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mergekit_ext.compat import known_keys, part
from mergekit_ext.errors import RecipeError, unknown_name
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.disk_space import check_space
from mergekit_ext.inputs.input_models import InputModel, read_inputs
from mergekit_ext.inputs.tokenizer_source import Donor, find_tokenizer
from mergekit_ext.inputs.weights_scan import reading_threads, scan
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.outputs.former_merge import may_write
from mergekit_ext.outputs.output_folder import check_replaceable, recover
from mergekit_ext.plans.chat_rows import KEY
from mergekit_ext.plans.counted_layers import check_layers
from mergekit_ext.plans.input_checks import Permissions, check_inputs
from mergekit_ext.plans.layer_swap_models import check_swap_models
from mergekit_ext.plans.local_recipe import local_options, local_recipe
from mergekit_ext.plans.merge_plan import MergePlan, plan_merge
from mergekit_ext.plans.token_sources import check_token_sources
from mergekit_ext.plans.turn_plan import TurnPlan, read_turns
from mergekit_ext.recipes.recipe import Recipe
from mergekit_ext.recipes.recipe_checks import (
    WITHOUT_EFFECT,
    check_coverage,
    check_dtypes,
    check_recipe,
)
from mergekit_ext.recipes.recipe_file import check_keys
from mergekit_ext.recipes.recipe_reader import read_recipe
from mergekit_ext.watch import Watch


Record = Callable[
    [Path, Sequence[InputModel], Mapping[Path, str], Mapping[str, Any]], None
]


def parameters_of(method: str) -> Sequence[Parameter] | None:
    """Return what one of our methods lets a recipe set, ``None`` for one of others.

    Raises:
        RecipeError: If there is no such method.
    """
    part("merge_methods")  # before what registers with it
    from mergekit_ext.register import method_names, our_parameters, register_all

    register_all()
    if method not in (known := method_names()):
        raise RecipeError(unknown_name("merge method", method, known))
    return our_parameters(method)


@dataclass(frozen=True)
class ReadyMerge:
    """A merge that has been checked.

    Args:
        recipe: What is merged.
        inputs: Its models.
        donor: The model that gives its tokenizer alone.
        turns: How the turns of the result will end.
        plan: What mergekit will do; ``None`` where a model is not here.
    """

    recipe: Recipe
    inputs: Sequence[InputModel]
    donor: Donor | None
    turns: TurnPlan | None
    plan: MergePlan | None


@dataclass(frozen=True)
class CheckedMerge:
    """A merge as mergekit was asked for it, ready to be checked and run.

    Args:
        original: mergekit's ``run_merge``.
        config: Its ``MergeConfiguration``.
        options: Its ``MergeOptions``.
        source: The recipe's text, where it came from a file.
        parameters: What its method lets a recipe set; ``None`` for one of others.
        watch: Told how it goes.
        record: Given the result, the inputs, the hashes of their files and how its
            turns end, at the end; without it, nothing is hashed.
        donated: Told of a model that gives its tokenizer and no weights.
    """

    original: Callable[..., None]
    config: Any
    options: Any
    source: str | None = None
    parameters: Sequence[Parameter] | None = None
    watch: Watch = field(default_factory=Watch)
    record: Record | None = None
    donated: Callable[[Donor], None] | None = None

    def check(self, out: str | None) -> None:
        """Check what can be checked before weights are read; nothing is written.

        Models that are not here are not fetched, and named.

        Raises:
            MergeError: If anything stands in the way.
        """
        target = None if out is None else Path(os.path.realpath(out))
        ready = self.prepare(target, fetch=False)
        if ready.turns is not None:
            self.watch.note(ready.turns.line)

    @property
    def allowed(self) -> Permissions:
        """What the user has allowed."""
        return Permissions(
            any_architecture=self.options.allow_crimes,
            any_vocabulary=self.options.unsafe_truncate_embeddings,
            copy_tokenizer=self.options.copy_tokenizer,
            safetensors=self.options.safe_serialization,
            card=self.options.write_model_card,
            cache_dir=self.options.transformers_cache,
        )

    @property
    def writes(self) -> Callable[[str], bool]:
        """Whether the merge may write a file of a name."""
        allowed = self.allowed
        return partial(may_write, card=allowed.card, safetensors=allowed.safetensors)

    def prepare(self, target: Path | None, *, fetch: bool) -> ReadyMerge:
        """Check everything but weights; nothing is written, unless a run was killed.

        Args:
            target: The output; ``None`` where nothing is to be written.
            fetch: Whether models that are not here are fetched; else they are named,
                and are not checked.

        Raises:
            MergeError: If anything stands in the way.
        """
        if self.source is not None:
            names = [parameter.name for parameter in self.parameters or ()]
            known = known_keys()
            known["recipe"].add(KEY)
            check_keys(yaml.safe_load(self.source), known, names)
        recipe, allowed = read_recipe(self.config), self.allowed
        donor = find_tokenizer(recipe, allowed.cache_dir, copied=allowed.copy_tokenizer)
        if fetch and target is not None:
            recover(target)
        if self.parameters is None:
            check_dtypes(recipe)
        else:
            check_recipe(recipe, self.parameters)
        if target is not None:
            check_replaceable(target, self.writes)
        inputs = read_inputs(recipe, target, allowed.cache_dir, fetch=fetch)
        here = {one.model for one in inputs}
        for model in recipe.models:
            if model not in here:
                self.watch.note(f"Model {model.name!r} is not here; it is not checked.")
        whole = len(here) == len(recipe.models)

        def plan(inputs: Sequence[InputModel]) -> MergePlan:
            return self._plan(recipe, inputs, donor)

        planned = check_inputs(
            recipe, inputs, allowed, plan if whole else None, self.watch
        )
        turns = read_turns(recipe, allowed.cache_dir, copied=allowed.copy_tokenizer)
        for sentence in turns.notes if turns is not None else ():
            self.watch.note(sentence)
        if target is not None:
            check_space(recipe, [one.checkpoint for one in inputs], target)
        return ReadyMerge(recipe, inputs, donor, turns, planned)

    def check_weights(
        self, ready: ReadyMerge, *, hashed: bool = False, but: Collection[str] = ()
    ) -> Mapping[Path, str]:
        """Read all weights and refuse NaN and infinities.

        Args:
            ready: What was checked before.
            hashed: Whether to return hashes.
            but: The models whose weights are known to be finite.

        Returns:
            File to SHA-256, empty if not ``hashed``.

        Raises:
            InputError: Naming the model, the tensor, the element and the file.
        """
        return scan(
            [one for one in _to_read(ready.inputs) if one.model not in but],
            hashed=hashed,
            watch=self.watch,
            threads=reading_threads(),
        )

    def for_mergekit(self, ready: ReadyMerge) -> tuple[Any, Any]:
        """Return the configuration and the options that mergekit is to have."""
        ours = self.parameters is not None
        local = local_recipe(self.config, ready.inputs, ready.donor, ours=ours)
        return local, local_options(self.options, ready.inputs)

    def _plan(
        self, recipe: Recipe, inputs: Sequence[InputModel], donor: Donor | None
    ) -> MergePlan:
        def check(names: Sequence[str]) -> None:
            if self.parameters is not None:
                check_coverage(recipe, self.parameters, names)

        ours = self.parameters is not None
        local = local_recipe(self.config, inputs, donor, ours=ours)
        checkpoints = [one.checkpoint for one in inputs]
        plan = plan_merge(local, local_options(self.options, inputs), inputs, check)
        if ours:
            names = [tensor.name for tensor in plan.tensors]
            check_layers(recipe, checkpoints, names)
            check_swap_models(recipe, checkpoints, names)
            for name in WITHOUT_EFFECT:
                if any(name in one.values for p in recipe.slices for one in p.scopes):
                    self.watch.note(f"{name} has no effect in {recipe.method}.")
        check_token_sources(recipe, plan, checkpoints)
        return plan


def _to_read(inputs: Sequence[InputModel]) -> list[Checkpoint]:
    adapters = [one.adapter for one in inputs if one.adapter is not None]
    return [*(one.checkpoint for one in inputs), *adapters]
