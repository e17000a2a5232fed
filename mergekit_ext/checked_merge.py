"""Check a merge before the first byte is written, and keep half-done ones unseen.

mergekit's own merge in our guard: what both commands share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mergekit_ext.compat import attribute, known_keys, part
from mergekit_ext.errors import (
    MergeError,
    OutputError,
    RecipeError,
    unknown_name,
    word_stop,
)
from mergekit_ext.forced_rows import forced_rows_kept
from mergekit_ext.inputs.borrowed_ends import borrow
from mergekit_ext.inputs.checkpoints import Checkpoint, read_checkpoint
from mergekit_ext.inputs.disk_space import check_space
from mergekit_ext.inputs.input_models import InputModel, read_inputs
from mergekit_ext.inputs.pickled_weights import opened_in_turn
from mergekit_ext.inputs.tokenizer_checks import has_tokenizer
from mergekit_ext.inputs.tokenizer_source import Donor, find_tokenizer
from mergekit_ext.inputs.turn_ends import read_turn_ends
from mergekit_ext.inputs.weights_scan import reading_threads, scan
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.moved_rows import rows_moved_at_once
from mergekit_ext.outputs.file_exchange import Workshop
from mergekit_ext.outputs.former_merge import PARTIAL, list_files, may_write
from mergekit_ext.outputs.held_config import held_back, hold_back_late, untie
from mergekit_ext.outputs.output_folder import (
    check_replaceable,
    recover,
    whole_or_nothing,
)
from mergekit_ext.outputs.termination import unwound_by_signals
from mergekit_ext.outputs.turn_files import (
    shown_changes,
    turn_files,
    write_turn_files,
)
from mergekit_ext.plans.chat_rows import KEY
from mergekit_ext.plans.input_checks import Permissions, check_inputs
from mergekit_ext.plans.layer_swap_models import check_swap_models
from mergekit_ext.plans.local_recipe import (
    local_options,
    local_recipe,
    restore_names,
    shown_recipe,
)
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
from mergekit_ext.recipes.recipe_reader import plain, read_recipe
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

    def run(self, out: str) -> None:
        """Check everything, merge, and put the result at ``out`` when it is whole.

        Merges may run one within another, and in several threads at the same time, each
        to an output of its own. Files that mergekit reads from are shared by them, and
        so is torch's generator, which the methods of this package leave alone.

        Raises:
            MergeError: If anything stands in the way; ``out`` is then as it was.
        """
        target = Path(os.path.realpath(out))
        with unwound_by_signals():
            # what is here can be planned and checked; mergekit would fetch it anyway
            ready = self.prepare(target, fetch=True)
            if ready.donor is not None and self.donated is not None:
                self.donated(ready.donor)
            with whole_or_nothing(target, self._writes) as workshop:
                try:
                    self._checked_merge(ready, workshop)
                except MergeError:
                    raise
                except OSError as error:  # a full disk, a folder that is gone
                    raise OutputError(word_stop("The merge", error)) from error

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
    def _writes(self) -> Callable[[str], bool]:
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
            check_replaceable(target, self._writes)
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

    # ``word_fault`` knows what is within our guard by this name
    def _checked_merge(self, ready: ReadyMerge, workshop: Workshop) -> None:
        digests = self.check_weights(ready, hashed=self.record is not None)
        if ready.turns is not None:
            self.watch.note(ready.turns.line)
        turns = self.make(ready, workshop, self.allowed.safetensors)
        if self.record is None:
            list_files(workshop.result)
        else:
            self.record(workshop.result, ready.inputs, digests, turns)

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

    def make(
        self, ready: ReadyMerge, workshop: Workshop, weights: bool
    ) -> dict[str, Any]:
        """Write a result, its ``config.json`` under its partial name.

        Args:
            ready: What was checked before.
            workshop: Where.
            weights: Whether there must be weights in the end.

        Returns:
            What to record of its turns.

        Raises:
            MergeError: If something is missing in the end.
        """
        with held_back(workshop.folder):
            self._write(workshop, ready.inputs, ready.donor)
        if ready.plan is not None and ready.plan.unties:
            untie(workshop.result)
        hold_back_late(workshop.result)
        _check_result(
            workshop.result, ready.inputs, ready.recipe, self.allowed, weights
        )
        return {} if ready.turns is None else _carry(workshop, ready.turns)

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
            check_swap_models(recipe, checkpoints, names)
            for name in WITHOUT_EFFECT:
                if any(name in one.values for p in recipe.slices for one in p.scopes):
                    self.watch.note(f"{name} has no effect in {recipe.method}.")
        check_token_sources(recipe, plan, checkpoints)
        return plan

    def _write(
        self, workshop: Workshop, inputs: Sequence[InputModel], donor: Donor | None
    ) -> None:
        renamed: dict[str, str] = {}
        ours = self.parameters is not None
        local = local_recipe(self.config, inputs, donor, ours=ours, renamed=renamed)
        # a copy with an adapter in it is made anew: a killed run leaves half of one
        cache = self.options.lora_merge_cache or str(workshop.adapters)
        options = local_options(self.options, inputs)
        options = options.model_copy(update={"lora_merge_cache": cache})
        source = self.source or yaml.safe_dump(plain(self.config), sort_keys=False)
        in_turn = opened_in_turn() if options.lazy_unpickle else nullcontext()
        with in_turn, rows_moved_at_once(), forced_rows_kept():
            self.original(local, str(workshop.result), options, source)
        card = workshop.result / "README.md"
        local_ones = all(Path(one.model.path).is_dir() for one in inputs)
        if card.is_file() and not local_ones:
            text = attribute(part("card"), "generate_card")(
                config=shown_recipe(self.config),
                config_yaml=source,
                name=workshop.result.name,
            )
            card.write_text(text, encoding="utf-8")
        restore_names(card, renamed)


def _carry(workshop: Workshop, turns: TurnPlan) -> dict[str, Any]:
    """Let the result end its turns as it should; return what to record of that."""
    own = read_turn_ends("the result", workshop.result, PARTIAL)
    borrowed = borrow(turns.donor, own, own_template=turns.own_template)
    write_turn_files(workshop.result, turn_files(borrowed, own), PARTIAL)
    return {
        "like": None if turns.donor is None else turns.donor.model,
        "template": turns.template,
        "ends": [{"id": one, "token": own.text(one)} for one in borrowed.ends],
        "changed": list(shown_changes(borrowed, own)),
    }


def _to_read(inputs: Sequence[InputModel]) -> list[Checkpoint]:
    adapters = [one.adapter for one in inputs if one.adapter is not None]
    return [*(one.checkpoint for one in inputs), *adapters]


def _check_result(
    folder: Path,
    inputs: Sequence[InputModel],
    recipe: Recipe,
    allowed: Permissions,
    weights: bool,
) -> None:
    """Refuse a result without what a model needs; mergekit only logs some failures."""
    if not (folder / PARTIAL).is_file():
        raise OutputError("The merge wrote no config.json; nothing was kept.")
    if weights:
        if not any(folder.glob("*.safetensors")):
            raise OutputError("The merge wrote no weights; nothing was kept.")
        read_checkpoint("the result", folder, PARTIAL)
    if not has_tokenizer(folder) and (
        recipe.sets_tokenizer
        or (allowed.copy_tokenizer and _donor_has_tokenizer(recipe, inputs))
    ):
        raise OutputError(
            "The tokenizer could not be copied, for the reason logged above; nothing"
            " was kept."
        )


def _donor_has_tokenizer(recipe: Recipe, inputs: Sequence[InputModel]) -> bool:
    """Whether the base, which gives the tokenizer, is here and has one to give."""
    base = recipe.models[0]
    return any(
        has_tokenizer(one.checkpoint.folder) for one in inputs if one.model == base
    )
