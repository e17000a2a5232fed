"""Whether models can be merged with each other, told before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.safetensors_header import TensorHeader


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
