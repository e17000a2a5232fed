"""Whether there is memory for a sweep's cells, and which models it can keep there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from mergekit_ext.inputs.checkpoints import Checkpoint, locate, read_checkpoint
from mergekit_ext.inputs.disk_space import shown_size
from mergekit_ext.inputs.host_memory import free_host_bytes
from mergekit_ext.recipes.recipe import Model


# beside what is told from headers: activations, buffers, another process
_MARGIN = 1.1


class SweepMemoryError(DataError, MemoryError):
    """There is less memory than the cells of a sweep need."""


@dataclass(frozen=True)
class SweepMemory:
    """What the cells of a sweep take, told from the headers of models that are here.

    Args:
        model: The largest model.
        group: The inputs of the largest tensor, of all models, with the result.
        inputs: All models that merges are made of.
        parameters: Those of the largest model.
        absent: Those that are not here, of which nothing is known.
        device: Where models are evaluated.
    """

    model: int
    group: int
    inputs: int
    parameters: int
    absent: tuple[str, ...]
    device: str

    @property
    def on_device(self) -> bool:
        """Whether models are evaluated on a GPU."""
        return self.device.startswith("cuda")

    def host_bytes(self, slots: int) -> int:
        """Return what so many cells at once take of the machine's memory."""
        return slots * (self.group + (0 if self.on_device else self.model))


@dataclass(frozen=True)
class KeptPlace:
    """Where the models of merges are kept, and why there."""

    where: Literal["device", "host", "nowhere"]
    why: str


def free_bytes(device: str) -> int | None:
    """Return how much memory a device has left; ``None`` where it is not here."""
    if not device.startswith("cuda"):
        return free_host_bytes()
    from mergekit_ext.inmemory.memory_space import free_bytes as left_on

    return left_on(device)


def sweep_memory(
    cells: Sequence[SweepCell], settings: Mapping[str, Any]
) -> SweepMemory:
    """Return what the cells of a sweep take.

    Raises:
        InputError: A model is broken.
    """
    found: dict[str, Checkpoint] = {}
    absent: list[str] = []
    for model in sorted({part for cell in cells for part in cell.parts}):
        folder = locate(reference(model))
        if folder is None:
            absent.append(model)
        else:
            found[model] = read_checkpoint(model, folder)
    sizes = {
        model: [header.end - header.begin for header in one.tensors.values()]
        for model, one in found.items()
    }
    merged = {part for cell in cells if cell.recipe is not None for part in cell.parts}
    widest = max((max(tensors, default=0) for tensors in sizes.values()), default=0)
    return SweepMemory(
        model=max(map(sum, sizes.values()), default=0),
        group=widest * (len(merged & found.keys()) + 1),
        inputs=sum(sum(sizes[model]) for model in merged if model in sizes),
        parameters=max(
            (
                sum(one.elements for one in model.tensors.values())
                for model in found.values()
            ),
            default=0,
        ),
        absent=tuple(absent),
        device=device_of(cells, settings),
    )


def reference(model: str) -> Model:
    """Return a model of a specification, a folder or an id, as a recipe has it."""
    if Path(model).is_dir():
        return Model(model, model)
    path, _, revision = model.partition("@")
    return Model(model, path, revision or None)


def device_of(cells: Iterable[SweepCell], settings: Mapping[str, Any]) -> str:
    """Return the device that cells are evaluated on, or lm-eval's own choice."""
    for cell in cells:
        device = settings["model_args"].get("device") or cell.options.get("device")
        if device:
            return str(device)
    return "cuda" if free_bytes("cuda") is not None else "cpu"


def check_sweep_memory(memory: SweepMemory, slots: int = 1, *, total: bool) -> None:
    """Refuse a sweep whose cells cannot have the memory that they need.

    Args:
        memory: What they take.
        slots: How many run at a time.
        total: Whether all that the machine has counts, not what is free now.

    Raises:
        SweepMemoryError: Saying how much is needed, what there is, and what to do.
    """
    whole = psutil.virtual_memory().total
    there = whole if total else min(whole, free_bytes("cpu") or whole)
    needed = memory.host_bytes(slots)
    if needed > there:
        fewer = "run fewer at a time (--jobs)" if slots > 1 else "take another machine"
        raise SweepMemoryError(
            f"{slots} at a time, the cells need {shown_size(needed)} of memory"
            f" ({shown_size(memory.model)} is the largest model), and this machine has"
            f" {shown_size(there)}{'' if total else ' free'}: {fewer}, or a GPU"
            " (device: cuda)"
        )
    free = free_bytes("cuda") if memory.on_device else None
    if free is not None and memory.model > free:
        raise SweepMemoryError(
            f"a cell needs {shown_size(memory.model)} on {memory.device} for its"
            f" largest model, and {shown_size(free)} are free there: end what else is"
            " on it, or take a dtype of half the size (model_args)"
        )


def kept_place(
    memory: SweepMemory, settings: Mapping[str, Any], slots: int = 1
) -> KeptPlace:
    """Return where the models of merges are kept while a process runs cells.

    On the CPU they are maps of their files, which all processes of a machine share.

    Args:
        memory: What the cells take.
        settings: What holds for the whole sweep.
        slots: How many run at a time.
    """
    size = shown_size(memory.inputs)
    if settings["engine"] == "disk":
        return KeptPlace("nowhere", "engine: disk merges into folders")
    if not memory.inputs:
        return KeptPlace("nowhere", "no model of a merge is here")
    merging = settings["model_args"].get("merge_device")
    on_device = memory.on_device and settings["engine"] == "hf" and merging != "cpu"
    if on_device and (free := free_bytes("cuda")) is not None:
        wanted = round((memory.inputs + memory.model + memory.group) * _MARGIN)
        if wanted <= free:
            return KeptPlace(
                "device", f"{size}, and the live model, fit into {shown_size(free)}"
            )
    free = free_bytes("cpu") or psutil.virtual_memory().available
    wanted = round((memory.inputs + memory.host_bytes(slots)) * _MARGIN)
    if wanted <= free:
        rest = "" if not memory.on_device else "; the device has no room beside a model"
        return KeptPlace("host", f"{size} of {shown_size(free)} that are free{rest}")
    return KeptPlace(
        "nowhere",
        f"{size} and what cells take are more than the {shown_size(free)} that are"
        " free, so each merge reads its models again",
    )
