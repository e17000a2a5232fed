"""Whether a model's folder still holds what it held when a sweep was planned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep.sweep_cell import SweepCell


_PATTERNS = ("*.safetensors", "*.bin", "*.json", "*.jinja", "*.model")
# of a large file this much of both ends: no training leaves it as it was
_END = 1 << 16


def model_state(folder: Path) -> str:
    """Return a digest of a model's files, of large ones of their size and ends."""
    digest = hashlib.sha256()
    for path in sorted(path for one in _PATTERNS for path in folder.glob(one)):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(_END))
            if size > _END:
                file.seek(max(_END, size - _END))
                digest.update(file.read(_END))
    return digest.hexdigest()


def states_of(models: Iterable[str]) -> dict[str, str]:
    """Return the states of the models that are local folders."""
    return {model: model_state(Path(model)) for model in models if Path(model).is_dir()}


def check_unchanged(cell: SweepCell, planned: Mapping[str, str]) -> None:
    """Check that the models of a cell are those that were planned with.

    Args:
        cell: The cell.
        planned: What ``states_of`` returned.

    Raises:
        DataError: One has changed, or is gone.
    """
    for model, state in planned.items():
        if model not in models_of(cell):
            continue
        if not Path(model).is_dir():
            raise DataError(f"the model {model} was there for the plan, and is gone")
        if model_state(Path(model)) != state:
            raise DataError(
                f"the model {model} is not what it was when the sweep was planned, and"
                " results of both would stand side by side; plan another folder"
            )


def models_of(cell: SweepCell) -> set[str]:
    """Return the models that a cell is made of."""
    recipe = cell.recipe or {}
    listed = [entry["model"] for entry in recipe.get("models", ())]
    found = {cell.pretrained, str(recipe.get("base_model", "")), *listed}
    return found - {""}
