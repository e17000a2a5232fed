"""Whether there is memory for a merge and its result, told from the headers."""

from __future__ import annotations

from dataclasses import replace

import torch

from mergekit_ext.errors import MergeError
from mergekit_ext.inmemory.prepared_merge import PreparedMerge
from mergekit_ext.inputs.disk_space import output_bytes, shown_size
from mergekit_ext.inputs.host_memory import free_host_bytes


# of a tensor's inputs, that mergekit's own methods make on their way
_COPIES = 4


class MemorySpaceError(MergeError, MemoryError):
    """There is less memory than a merge needs."""


def check_memory(
    prepared: PreparedMerge,
    *,
    new_model: int = 0,
    device: str | torch.device = "cpu",
    compute: str | torch.device | None = None,
) -> int:
    """Check that a model, and the inputs of its largest tensor, fit into memory.

    Args:
        prepared: What is merged.
        new_model: What the model that is merged into has yet to take; 0 for one that
            is there.
        device: Where that model is.
        compute: Where the merge is computed; where mergekit's options say, by default.

    Returns:
        How many bytes are needed, on all devices.

    Raises:
        MemorySpaceError: Saying what is needed, what is free, and where.
    """
    place = torch.device(compute or prepared.merge.options.device)
    needed = {torch.device(device): new_model}
    group = largest_group(prepared) * (1 if prepared.is_ours else _COPIES)
    for one in {place, torch.device("cpu")}:  # files are read there in any case
        needed[one] = needed.get(one, 0) + group
    for one, size in needed.items():
        free = _free(one)
        if free is not None and free < size:
            whole = f", {shown_size(new_model)} of it for the model" * bool(
                new_model and one == torch.device(device)
            )
            raise MemorySpaceError(
                f"Merging {prepared.name} in memory needs {shown_size(size)} on"
                f" {one}{whole}, and {shown_size(free)} are free; merge it to a folder"
                " with `iberian merge`, or use another device."
            )
    return sum(needed.values())


def model_bytes(prepared: PreparedMerge, dtype: torch.dtype | None = None) -> int:
    """Return how many bytes the weights of the result have.

    Args:
        prepared: What is merged.
        dtype: That of the model; by default, that of the merge.
    """
    checkpoints = [one.checkpoint for one in prepared.ready.inputs]
    recipe = prepared.ready.recipe
    if dtype is None:
        return output_bytes(recipe, checkpoints)
    given = {"out_dtype": str(dtype).removeprefix("torch.")}
    return output_bytes(replace(recipe, dtypes=given), checkpoints)


def largest_group(prepared: PreparedMerge) -> int:
    """Return how many bytes the inputs of one tensor have at most, with the result."""
    tensors = {one.model.name: one.checkpoint.tensors for one in prepared.ready.inputs}
    widened = 4 if (prepared.ready.recipe.dtypes or {}).get("dtype") == "float32" else 0
    largest = 0
    for planned in prepared.plan.tensors:
        headers = [
            tensors[model][name]
            for model, name in planned.asked.items()
            if name in tensors[model]
        ]
        sizes = [max(h.end - h.begin, h.elements * widened) for h in headers]
        # moved to one vocabulary, each is there once more
        copies = 1 + (planned.vocabulary_axis is not None)
        largest = max(largest, copies * sum(sizes) + max(sizes, default=0))
    return largest


def free_bytes(device: str | torch.device) -> int | None:
    """Return how much memory a device has left; ``None`` where nobody can tell."""
    one = torch.device(device)
    if one.type == "cuda" and not torch.cuda.is_available():
        return None
    return _free(one)


def _free(device: torch.device) -> int | None:
    if device.type == "cpu":
        return free_host_bytes()
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return None
