"""Put a merge into a model that is there, and account for every tensor of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import torch

from mergekit_ext.errors import InputError
from mergekit_ext.inmemory.memory_space import check_memory
from mergekit_ext.inmemory.prepared_merge import (
    AnyRecipe,
    PreparedMerge,
    prepared_once,
)
from mergekit_ext.inmemory.tensor_stream import Resident, merged_tensors_at
from mergekit_ext.watch import Watch


_SHOWN = 3
# computed by the model itself; older checkpoints hold it
_COMPUTED = "rotary_emb.inv_freq"


# where a tensor begins; those of no elements begin anywhere
Memory = tuple[torch.device, int]


@dataclass(frozen=True)
class Accounted:
    """What became of each parameter and buffer of a model, by name.

    Args:
        merged: Those that were computed of several models.
        tied: Those that are another one under a second name.
        copied: Those that one model alone gave.
        untouched: Buffers that no file holds: the model has computed them itself.
    """

    merged: tuple[str, ...]
    tied: tuple[str, ...]
    copied: tuple[str, ...]
    untouched: tuple[str, ...]


def merge_into(
    model: torch.nn.Module,
    recipe: AnyRecipe,
    *,
    resident: Resident | None = None,
    watch: Watch | None = None,
) -> Accounted:
    """Carry out a recipe straight into a model, tensor by tensor.

    It then has the weights that it would have if it was loaded from what ``iberian
    merge`` writes, each in the dtype and on the device that it has there. Beside the
    model, there is one tensor with its inputs in memory. Merges may run in several
    threads at the same time, each into a model of its own.

    Args:
        model: A transformers model of the recipe's architecture. Its configuration,
            settings and tokenizer are the caller's: see ``merged_side_files``.
        recipe: What is merged.
        resident: Models that are in memory; see ``merged_tensors``.
        watch: Told how it goes, where the recipe is not prepared yet.

    Returns:
        What became of each parameter and buffer.

    Raises:
        InputError: If the model is of another architecture, a tensor has another shape
            or belongs nowhere, or one of the model's gets nothing. Of the last two
            some are told after the first tensor was written; the model is then half
            one thing and half the other, and fit for another merge alone.
        MergeError: If anything else stands in the way, as ``iberian merge`` has it.
    """
    prepared = prepared_once(recipe, watch)
    filled = _Filled(model, prepared)
    filled.check_names()
    check_memory(prepared)
    with torch.no_grad():
        for name, tensor in merged_tensors_at(prepared, resident, filled.place):
            filled.write(name, tensor)
    return filled.accounted()


class _Filled:
    """A model that is being filled, and what was written so far."""

    def __init__(self, model: torch.nn.Module, prepared: PreparedMerge) -> None:
        self._model, self._prepared = model, prepared
        # under every name that a file may have for it, ties included
        self._state: dict[str, torch.Tensor] = dict(model.state_dict(keep_vars=True))
        self._written: dict[str, str] = {}
        self._lent: set[str] = set()
        self._names: dict[Memory, list[str]] = {}
        for name, tensor in self._state.items():
            if tensor.numel():
                self._names.setdefault(_memory(tensor), []).append(name)
        self._alone = {
            planned.name
            for planned in prepared.plan.tensors
            if len(planned.asked) - len(planned.lacking) == 1
        }

    def check_names(self) -> None:
        """Check what can be told before a byte is read."""
        config = getattr(self._model, "config", None)
        first = self._prepared.ready.inputs[0].checkpoint
        ours, theirs = (
            getattr(config, "model_type", None),
            first.config.get("model_type"),
        )
        if ours is not None and ours != theirs:
            raise InputError(
                f"{self._prepared.name} merges models of type {theirs}, and the model"
                f" to merge into is of type {ours}; build it from the configuration"
                " that merged_side_files writes."
            )
        for tensor in self._state.values():
            if tensor.is_meta:
                raise InputError(
                    "The model to merge into is on the meta device, where nothing can"
                    " be written; give it memory with to_empty, or build it elsewhere."
                )
        planned = {tensor.name for tensor in self._prepared.plan.tensors}
        named = {name for one in planned if (name := self._name(one)) is not None}
        self._check_missing(self._reached(named))

    def place(self, name: str) -> torch.Tensor | None:
        """Return where a tensor may be computed: in the model, if it is alone there."""
        place = self._name(name)
        if place is None or not self._lent.isdisjoint(self._tied(place)):
            return None
        self._lent.add(place)
        return self._state[place].detach()

    def write(self, name: str, tensor: torch.Tensor) -> None:
        """Write one tensor, which may be there already."""
        place = self._name(name)
        if place is None:
            return
        target = self._state[place]
        if target.shape != tensor.shape:
            raise InputError(
                f"Tensor {name!r} of {self._prepared.name} has shape"
                f" {tuple(tensor.shape)}, and {tuple(target.shape)} in the model to"
                " merge into; build it from the configuration that merged_side_files"
                " writes."
            )
        if tensor.is_floating_point() != target.is_floating_point():
            raise InputError(
                f"Tensor {name!r} is {tensor.dtype}, and {target.dtype} in the model to"
                " merge into; a quantized model cannot be merged into."
            )
        for other in self._tied(place):
            if other in self._written and not torch.equal(
                target, tensor.to(target.device, target.dtype)
            ):
                raise InputError(
                    f"The recipe gives {name!r} values of its own, and the model to"
                    f" merge into ties it to {other!r}; set tie_word_embeddings to"
                    " false in its configuration."
                )
        if _memory(target) != _memory(tensor) or target.dtype != tensor.dtype:
            target.copy_(tensor)
        self._written[place] = name
        self._lent.add(place)

    def accounted(self) -> Accounted:
        """Return what became of everything, or say what got nothing."""
        self._check_missing(self._reached(self._written))
        tied = [name for name in self._state if name not in self._written]
        buffers = [
            name
            for name, _ in self._model.named_buffers(remove_duplicate=False)
            if name not in self._state
        ]
        copied = [p for p, name in self._written.items() if name in self._alone]
        merged = [p for p in self._written if p not in set(copied)]
        return Accounted(*map(tuple, (merged, tied, copied, buffers)))

    def _name(self, name: str) -> str | None:
        """Return where a tensor goes; ``None`` for one that models do not load."""
        if name in self._state:
            return name
        prefix = getattr(self._model, "base_model_prefix", "")
        for other in (f"{prefix}.{name}", name.removeprefix(f"{prefix}.")):
            if other in self._state:
                return other
        ignored = getattr(self._model, "_keys_to_ignore_on_load_unexpected", None)
        if name.endswith(_COMPUTED) or any(
            re.search(pattern, name) for pattern in ignored or ()
        ):
            return None
        raise InputError(
            f"Tensor {name!r} of {self._prepared.name} is none of the model to merge"
            f" into, {type(self._model).__name__}, which has names such as"
            f" {next(iter(self._state), 'none')!r}."
        )

    def _tied(self, place: str) -> list[str]:
        """Return the other names of a tensor."""
        names = self._names.get(_memory(self._state[place]), [])
        return [name for name in names if name != place]

    def _reached(self, written: Collection[str]) -> set[str]:
        """Return the names of all that is written, ties included."""
        return {
            *written,
            *(other for name in written for other in self._tied(name)),
        }

    def _check_missing(self, reached: Collection[str]) -> None:
        missing = [name for name in self._state if name not in reached]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" * (len(missing) > _SHOWN)
            raise InputError(
                f"{self._prepared.name} gives nothing to {', '.join(missing[:_SHOWN])}"
                f"{more} of the model to merge into; build it from the configuration"
                " that merged_side_files writes."
            )


def _memory(tensor: torch.Tensor) -> Memory:
    return tensor.device, tensor.data_ptr()
