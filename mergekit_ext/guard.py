"""Check a merge before the first byte is written, and keep half-done ones unseen."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mergekit_ext.errors import MergeError, OutputError, word_stop
from mergekit_ext.inputs.checkpoints import Checkpoint, read_checkpoint
from mergekit_ext.inputs.disk_space import check_space
from mergekit_ext.inputs.input_checks import check_alike
from mergekit_ext.inputs.input_models import InputModel, read_inputs
from mergekit_ext.inputs.tokenizer_checks import check_tokenizers, has_tokenizer
from mergekit_ext.inputs.weights_scan import reading_threads, scan
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.outputs.file_exchange import Workshop
from mergekit_ext.outputs.former_merge import PARTIAL, list_files, may_write
from mergekit_ext.outputs.held_config import held_back, hold_back_late
from mergekit_ext.outputs.output_folder import (
    check_replaceable,
    recover,
    whole_or_nothing,
)
from mergekit_ext.outputs.termination import unwound_by_signals
from mergekit_ext.recipes.layer_swap_recipe import check_swap_models
from mergekit_ext.recipes.merge_plan import MergePlan
from mergekit_ext.recipes.plan_checks import check_plan
from mergekit_ext.recipes.recipe import Recipe
from mergekit_ext.recipes.recipe_checks import (
    WITHOUT_EFFECT,
    check_dtypes,
    check_recipe,
)
from mergekit_ext.recipes.token_sources import check_token_sources
from mergekit_ext.watch import Watch


@dataclass(frozen=True)
class Permissions:
    """What the user has allowed on the command line.

    Args:
        any_architecture: ``--allow-crimes``.
        any_vocabulary: ``--unsafe-truncate-embeddings``.
        copy_tokenizer: ``--copy-tokenizer``; the result must then have one.
        safetensors: ``--safe-serialization``.
        card: ``--write-model-card``; without it, its files may be the user's.
        cache_dir: ``--transformers-cache``.
        fetch: Whether models on the hub are fetched now, so that they can be checked.
    """

    any_architecture: bool = False
    any_vocabulary: bool = False
    copy_tokenizer: bool = True
    safetensors: bool = True
    card: bool = True
    cache_dir: str | None = None
    fetch: bool = False


@dataclass(frozen=True)
class Merge:
    """A merge that is to be checked and run.

    Args:
        recipe: What to merge.
        out: The folder that the result is to be.
        write: Writes the result to ``workshop.result``.
        plan: Asks mergekit what it will do with the models that were found.
        parameters: What its method lets a recipe set; ``None`` for one of others.
        allowed: What the user has allowed.
        watch: Told how it goes.
        record: Given the result, the inputs and the hashes of their files, at the end;
            without it, nothing is hashed.
    """

    recipe: Recipe
    out: str
    write: Callable[[Workshop, Sequence[InputModel]], None]
    plan: Callable[[Sequence[InputModel]], MergePlan]
    parameters: Sequence[Parameter] | None = None
    allowed: Permissions = field(default_factory=Permissions)
    watch: Watch = field(default_factory=Watch)
    record: Callable[[Path, Sequence[InputModel], Mapping[Path, str]], None] | None = (
        None
    )


def guarded_merge(merge: Merge) -> None:
    """Check a recipe and its models, merge, and put the whole result in its place.

    Raises:
        MergeError: If anything stands in the way; ``out`` is then as it was.
    """
    with unwound_by_signals():
        _guarded_merge(merge, Path(os.path.realpath(merge.out)))


def _guarded_merge(merge: Merge, target: Path) -> None:
    recover(target)
    if merge.parameters is None:
        check_dtypes(merge.recipe)
    else:
        check_recipe(merge.recipe, merge.parameters)
    allowed = merge.allowed
    writes = partial(may_write, card=allowed.card, safetensors=allowed.safetensors)
    check_replaceable(target, writes)
    inputs = read_inputs(merge.recipe, target, allowed.cache_dir, fetch=allowed.fetch)
    _check_inputs(merge, inputs, target)
    with whole_or_nothing(target, writes) as workshop:
        try:
            _make(merge, inputs, workshop)
        except MergeError:
            raise
        except OSError as error:  # a full disk, a bad sector, a folder that is gone
            raise OutputError(word_stop("The merge", error)) from error


def _make(merge: Merge, inputs: Sequence[InputModel], workshop: Workshop) -> None:
    digests = scan(
        _to_read(inputs),
        hashed=merge.record is not None,
        watch=merge.watch,
        threads=reading_threads(),
    )
    with held_back(workshop.folder):
        merge.write(workshop, inputs)
    hold_back_late(workshop.result)
    _check_result(workshop.result, inputs, merge.recipe, merge.allowed)
    if merge.record is None:
        list_files(workshop.result)
    else:
        merge.record(workshop.result, inputs, digests)


def _check_inputs(merge: Merge, inputs: Sequence[InputModel], target: Path) -> None:
    recipe, allowed = merge.recipe, merge.allowed
    checkpoints = [one.checkpoint for one in inputs]
    aligned = allowed.any_vocabulary or recipe.sets_tokenizer
    check_alike(
        checkpoints,
        any_architecture=allowed.any_architecture,
        any_vocabulary=aligned,
    )
    plan = merge.plan(inputs)
    if merge.parameters is not None:
        names = [tensor.name for tensor in plan.tensors]
        check_swap_models(recipe, checkpoints, names)
        for name in WITHOUT_EFFECT:
            if any(name in scope.values for p in recipe.slices for scope in p.scopes):
                merge.watch.note(f"{name} has no effect in {recipe.method}.")
    check_token_sources(recipe, plan, checkpoints)
    for note in check_plan(recipe, plan):
        merge.watch.note(note)
    if not aligned:
        for note in check_tokenizers(checkpoints):
            merge.watch.note(note)
    check_space(recipe, checkpoints, target)


def _to_read(inputs: Sequence[InputModel]) -> list[Checkpoint]:
    adapters = [one.adapter for one in inputs if one.adapter is not None]
    return [*(one.checkpoint for one in inputs), *adapters]


def _check_result(
    folder: Path, inputs: Sequence[InputModel], recipe: Recipe, allowed: Permissions
) -> None:
    """Refuse a result without what a model needs; mergekit only logs some failures."""
    if not (folder / PARTIAL).is_file():
        raise OutputError("The merge wrote no config.json; nothing was kept.")
    if allowed.safetensors:
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
