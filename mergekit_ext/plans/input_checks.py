"""Whether models can be merged with each other, told before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.safetensors_header import TensorHeader
from mergekit_ext.inputs.tokenizer_checks import check_tokenizers
from mergekit_ext.plans.merge_plan import MergePlan
from mergekit_ext.plans.plan_checks import check_plan
from mergekit_ext.recipes.recipe import Recipe
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
    """

    any_architecture: bool = False
    any_vocabulary: bool = False
    copy_tokenizer: bool = True
    safetensors: bool = True
    card: bool = True
    cache_dir: str | None = None


def check_inputs(
    recipe: Recipe,
    inputs: Sequence[InputModel],
    allowed: Permissions,
    plan: Callable[[Sequence[InputModel]], MergePlan] | None = None,
    watch: Watch | None = None,
) -> MergePlan | None:
    """Check that models can be merged as a recipe says; nothing is written.

    Headers, configurations and tokenizers are read, no weights: whether these are
    finite is for ``weights_scan`` to say.

    Args:
        recipe: What is to be merged; it has been checked itself.
        inputs: Its models, as ``read_inputs`` has found them.
        allowed: What the user has allowed.
        plan: Asks mergekit what it will do with the models, once they are known to be
            alike; without it, nobody looks for tensors that a model lacks or for
            filters that match nothing.
        watch: Told what the user should know and what is no error.

    Returns:
        The plan.

    Raises:
        InputError: If models differ in architecture, shapes or vocabulary, or one lacks
            a tensor.
        RecipeError: If mergekit cannot plan the merge, or a setting has no effect.
    """
    watch = watch or Watch()
    checkpoints = [one.checkpoint for one in inputs]
    aligned = allowed.any_vocabulary or recipe.sets_tokenizer
    check_alike(
        checkpoints,
        any_architecture=allowed.any_architecture,
        any_vocabulary=aligned,
    )
    planned = None
    if plan is not None:
        planned = plan(inputs)
        for note in check_plan(recipe, planned):
            watch.note(note)
    if not aligned:
        for note in check_tokenizers(checkpoints):
            watch.note(note)
    return planned


def check_alike(
    checkpoints: Sequence[Checkpoint],
    *,
    any_architecture: bool = False,
    any_vocabulary: bool = False,
) -> None:
    """Check that models share architecture and shapes of tensors with the first.

    Which tensors there must be is for mergekit's plan to say.

    Args:
        checkpoints: The models; the first is the one that the others are held against.
        any_architecture: Whether the user has allowed to mix architectures.
        any_vocabulary: Whether something aligns the vocabularies before the merge, so
            that their sizes may differ.

    Raises:
        InputError: Naming the tensor, the models and both shapes.
    """
    for other in checkpoints[1:]:
        first = checkpoints[0]
        if not any_architecture:
            _check_architecture(first, other)
        for name in sorted(first.tensors.keys() & other.tensors.keys()):
            _check_shape(name, first, other, any_vocabulary)


def _check_architecture(first: Checkpoint, other: Checkpoint) -> None:
    for key in ("architectures", "model_type"):
        ours, theirs = first.config.get(key), other.config.get(key)
        if ours != theirs:
            raise InputError(
                f"Models of different architectures cannot be merged: {key} is {ours}"
                f" in {first.model!r} but {theirs} in {other.model!r}."
            )


def _check_shape(
    name: str, first: Checkpoint, other: Checkpoint, any_vocabulary: bool
) -> None:
    ours, theirs = first.tensors[name], other.tensors[name]
    if ours.shape == theirs.shape:
        return
    message = (
        f"Tensor {name!r} has shape {ours.shape} in {first.model!r} but {theirs.shape}"
        f" in {other.model!r}."
    )
    if _is_vocabulary(ours, first) and _is_vocabulary(theirs, other):
        if any_vocabulary and ours.shape[1:] == theirs.shape[1:]:
            return
        message += (
            " Their vocabularies differ; let mergekit align them with tokenizer_source:"
            " base (or union)."
        )
    raise InputError(message)


def _is_vocabulary(header: TensorHeader, checkpoint: Checkpoint) -> bool:
    rows = checkpoint.text_config.get("vocab_size")
    return bool(header.shape) and header.shape[0] == rows
