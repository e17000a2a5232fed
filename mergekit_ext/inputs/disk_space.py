"""Whether there is room for the result, told from the headers of the inputs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from mergekit_ext.dtypes import DTYPES
from mergekit_ext.errors import OutputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.safetensors_header import ITEM
from mergekit_ext.recipes.recipe import Recipe


# tokenizer, card, headers
_MARGIN = 64 << 20
_LAYER = re.compile(r"\.(\d+)\.")


def check_space(recipe: Recipe, checkpoints: Sequence[Checkpoint], out: Path) -> None:
    """Check that the result fits on the disk where it is to be.

    Adapters are merged into copies of their models first, which need room as well.

    Raises:
        OutputError: Saying what is needed, what is free, and where.
    """
    copies = {model.name for model in recipe.models if model.adapter is not None}
    needed = output_bytes(recipe, checkpoints) + _MARGIN
    for one in checkpoints:
        if one.model in copies:
            needed += sum(h.end - h.begin for h in one.tensors.values())
    place = _existing(out)
    try:
        free = shutil.disk_usage(place).free
    except OSError:  # some file systems do not tell
        return
    if free < needed:
        raise OutputError(
            f"The merge needs {shown_size(needed)} and {place} has {shown_size(free)}"
            " free; make room, or give an output on another disk."
        )


def output_bytes(recipe: Recipe, checkpoints: Sequence[Checkpoint]) -> int:
    """Return how many bytes the weights of the result will have, at most."""
    if recipe.whole_models:
        names = {name for one in checkpoints for name in one.tensors}
        return sum(_largest(recipe, checkpoints, name) for name in names)
    return sum(
        _largest(recipe, checkpoints, name) for name in _sliced(recipe, checkpoints)
    )


def _sliced(recipe: Recipe, checkpoints: Sequence[Checkpoint]) -> Iterator[str]:
    """Yield the tensors that the output slices are made of, some of them repeatedly."""
    names = {name for one in checkpoints for name in one.tensors}
    layers = {name: int(m[1]) for name in names if (m := _LAYER.search(name))}
    yield from names - layers.keys()
    for part in recipe.slices:
        ranges = [source.layers for source in part.sources if source.layers]
        for begin, end in ranges[:1]:
            yield from (name for name, at in layers.items() if begin <= at < end)


def _largest(recipe: Recipe, checkpoints: Sequence[Checkpoint], name: str) -> int:
    """Return the bytes of a tensor in the output's dtype, of the largest input."""
    dtypes = recipe.dtypes or {}
    dtype = dtypes.get("out_dtype") or dtypes.get("dtype") or ""
    item = DTYPES.get(dtype.removeprefix("torch."))
    headers = [one.tensors[name] for one in checkpoints if name in one.tensors]
    return max(h.elements * (item or ITEM.get(h.dtype, 8)) for h in headers)


def _existing(out: Path) -> Path:
    place = out.absolute().parent
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return place


def shown_size(count: int) -> str:
    """Return a number of bytes as a user reads it, in powers of a thousand."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
