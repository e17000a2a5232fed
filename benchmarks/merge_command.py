"""One run of ``mergekit-yaml`` as a child, and whether it merged what it should."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import yaml
from merge_backends import REFERENCE
from merge_calls import ours, stock
from merge_cases import CASES, Case, model_names
from merge_models import FOLDERS
from safetensors import safe_open


CHECKED: Final = "model.layers.0.self_attn.k_proj.weight"
_LAUNCH: Final = Path(__file__).with_name("merge_launch.py")
_SAID: Final = 3_000


@dataclass(frozen=True)
class Run:
    """What a child took: seconds, seconds of all its threads, bytes at its peak."""

    wall: float
    processor: float
    peak: int


@dataclass(frozen=True)
class Recipe:
    """A merge of whole models.

    Args:
        label: Its name in the table.
        case: The method, with its parameters.
        fused: Whether it is ours.
        folders: What is merged, the base first where the method has one.
    """

    label: str
    case: Case
    fused: bool
    folders: tuple[str, ...] = FOLDERS

    def as_yaml(self, folder: Path) -> str:
        values = self.case.values(len(self.folders)).items()
        models = list(zip(model_names(len(self.folders)), self.folders, strict=True))
        recipe: dict[str, Any] = {
            "merge_method": self.case.ours if self.fused else self.case.name,
            "models": [
                {
                    "model": str(folder / name),
                    "parameters": {key: given[one] for key, given in values},
                }
                for one, name in models[1 if self.case.base else 0 :]
            ],
            "dtype": "bfloat16",
        }
        if self.case.base:
            recipe["base_model"] = str(folder / self.folders[0])
        return yaml.safe_dump(recipe)

    def expected(self, folder: Path) -> torch.Tensor:
        """Return the checked tensor: ours by the reference, mergekit's by itself."""
        tensors = [read(folder / name, CHECKED) for name in self.folders]
        if self.fused:
            return ours(self.case, tensors, REFERENCE)
        return stock(self.case, tensors)


def recipes(*, stock_breadcrumbs: bool) -> list[Recipe]:
    """Return what is run; the first is what others are compared with."""
    linear, breadcrumbs = CASES["linear"], CASES["breadcrumbs"]
    found = [
        Recipe("linear", linear, False),
        Recipe("linear, two models", linear, False, FOLDERS[1:]),
        Recipe("fused_linear", linear, True),
        Recipe("fused_breadcrumbs", breadcrumbs, True),
    ]
    if stock_breadcrumbs:
        found.append(Recipe("breadcrumbs", breadcrumbs, False))
    return found


def run(recipe: Recipe, folder: Path, expected: torch.Tensor) -> Run:
    """Run a recipe, check what came out, and delete it.

    Raises:
        RuntimeError: If the command fails.
        ArithmeticError: If the result is not what it should be.
    """
    path, out = folder / "recipe.yaml", folder / "out"
    path.write_text(recipe.as_yaml(folder), encoding="utf-8")
    os.sync()  # what the run before has written is not this one's work
    try:
        taken = _child([str(_command()), str(path), str(out)], folder / "log.txt")
        found = read(out, CHECKED)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    if not torch.equal(found, expected):
        count = int((found != expected).sum())
        raise ArithmeticError(f"{recipe.label}: {CHECKED} differs in {count} elements")
    return taken


def read(model: Path, name: str) -> torch.Tensor:
    """Read one tensor of a model in shards or in one file."""
    index = model / "model.safetensors.index.json"
    file = "model.safetensors"
    if index.exists():
        where: Mapping[str, str] = json.loads(index.read_text("utf-8"))["weight_map"]
        file = where[name]
    with safe_open(model / file, framework="pt") as weights:
        tensor: torch.Tensor = weights.get_tensor(name)
    return tensor


def _command() -> Path:
    beside = Path(sys.executable).with_name("mergekit-yaml")
    found = str(beside) if beside.exists() else shutil.which("mergekit-yaml")
    if found is None:
        raise RuntimeError("mergekit-yaml is not installed: pip install mergekit")
    return Path(found)


def _child(command: list[str], log: Path) -> Run:
    done = subprocess.run(
        [sys.executable, str(_LAUNCH), str(log), *command],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    if found["exit"]:
        end = log.read_text("utf-8", errors="replace")[-_SAID:]
        raise RuntimeError(f"{' '.join(command)}: exit {found['exit']}\n{end}")
    return Run(**found["taken"])
