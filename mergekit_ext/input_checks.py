"""Whether models can be merged with each other, told before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from safetensors import SafetensorError, safe_open

from mergekit_ext.checkpoints import Checkpoint, TensorHeader
from mergekit_ext.errors import InputError
from mergekit_ext.kernels.deltas import chunks, flat_slice


_FLOATS = {"F16", "BF16", "F32", "F64"}
_SHOWN = 3


def check_alike(
    checkpoints: Sequence[Checkpoint],
    *,
    whole_models: bool = True,
    any_architecture: bool = False,
    any_vocabulary: bool = False,
) -> None:
    """Check that models share an architecture, tensor names and shapes with the first.

    Args:
        checkpoints: The models; the first is the one that the others are held against.
        whole_models: Whether every tensor takes part, so that none may be missing.
        any_architecture: Whether the user has allowed to mix architectures.
        any_vocabulary: Whether something aligns the vocabularies before the merge, so
            that their sizes may differ.

    Raises:
        InputError: Naming the tensor, the models and both shapes.
    """
    tied = all(c.text_config.get("tie_word_embeddings") for c in checkpoints)
    for other in checkpoints[1:]:
        first = checkpoints[0]
        if not any_architecture:
            _check_architecture(first, other)
        if whole_models:
            _check_names(first, other, tied=tied)
        for name in sorted(first.tensors.keys() & other.tensors.keys()):
            _check_shape(name, first, other, any_vocabulary)


def check_finite(checkpoint: Checkpoint) -> None:
    """Read every weight of a model, a chunk at a time, and refuse NaN and infinities.

    Raises:
        InputError: Naming the model, the tensor and the file.
    """
    for file, names in checkpoint.files():
        try:
            with safe_open(file, framework="pt") as shard:
                for name in names:
                    if checkpoint.tensors[name].dtype in _FLOATS:
                        _check_tensor(shard.get_tensor(name), name, checkpoint, file)
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"Model {checkpoint.model!r}: {file} cannot be read: {error}."
            ) from error


def _check_tensor(
    tensor: torch.Tensor, name: str, checkpoint: Checkpoint, file: object
) -> None:
    for start, stop in chunks(tensor.numel(), tensor.device):
        values = flat_slice(tensor, start, stop)
        # the extremes are NaN if any value is
        extremes = torch.stack(torch.aminmax(values))
        if not bool(extremes.isfinite().all()):
            at = int((~values.isfinite()).to(torch.uint8).argmax())
            raise InputError(
                f"Model {checkpoint.model!r}: {name!r} holds {values[at].item()} at"
                f" element {start + at}, in {file}. A merge would spread it: fetch or"
                " train that model again."
            )


def _check_architecture(first: Checkpoint, other: Checkpoint) -> None:
    for key in ("architectures", "model_type"):
        ours, theirs = first.config.get(key), other.config.get(key)
        if ours != theirs:
            raise InputError(
                f"Models of different architectures cannot be merged: {key} is {ours}"
                f" in {first.model!r} but {theirs} in {other.model!r}."
            )


def _check_names(first: Checkpoint, other: Checkpoint, *, tied: bool) -> None:
    for one, two in ((first, other), (other, first)):
        missing = [
            name
            for name in sorted(one.tensors.keys() - two.tensors.keys())
            if not _is_redundant(name, tied)
        ]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise InputError(
                f"Model {two.model!r} lacks tensors that {one.model!r} has:"
                f" {', '.join(missing[:_SHOWN])}{more}. Do both come from the same"
                " pretrained model?"
            )


def _is_redundant(name: str, tied: bool) -> bool:
    return name.endswith("rotary_emb.inv_freq") or (tied and name == "lm_head.weight")


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
