"""``merge.py --end-to-end``: what ``mergekit-yaml`` takes, from models to a model.

The recipes take turns in children, over the same folders, in a page cache that holds
them all from the start; what each merged is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
import yaml
from merge_cases import CASES, FOLDERS, REFERENCE, Case, Shape, make_models, model_names
from merge_timing import machine, ours, stock
from safetensors import safe_open
from tqdm import tqdm


CHECKED: Final = "model.layers.0.self_attn.k_proj.weight"
LARGE: Final = Shape()
# a child's peak memory counts from that of the process that starts it: a small one
_LAUNCH: Final = """
import json, os, subprocess, sys, time
log, *command = sys.argv[1:]
with open(log, "wb") as said:
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=said, stderr=said)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
child.returncode = os.waitstatus_to_exitcode(status)
unit = 1 if sys.platform == "darwin" else 1024
taken = [wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit]
print(json.dumps([child.returncode, *taken]))
"""
_SAID: Final = 3_000
_BLOCK: Final = 1 << 24


@dataclass(frozen=True)
class Run:
    """What a child took: seconds, seconds of all its threads, bytes at its peak."""

    wall: float
    processor: float
    peak: int


Runs = dict[str, list[Run]]


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


def run(options: argparse.Namespace, shape: Shape = LARGE) -> int:
    """Make the models, time the recipes, print the table; return the exit status."""
    facts = machine()
    chosen = recipes(stock_breadcrumbs=options.with_stock_breadcrumbs)
    with place(options.folder) as folder:
        check_space(folder, shape)
        try:
            runs = _measure(folder, shape, chosen, options.rounds)
        except ArithmeticError as error:
            print(f"DISAGREES: {error}")
            return 1
    _report(facts, shape, runs)
    if options.json:
        _write(options.json, facts, shape, runs)
    return 0


def _measure(folder: Path, shape: Shape, chosen: Sequence[Recipe], rounds: int) -> Runs:
    steps = 1 + len(chosen) * (rounds + 1)
    with tqdm(total=steps, unit="step", leave=False) as progress:
        progress.set_description("models")
        make_models(folder, shape)
        progress.update()
        expected = {}
        for recipe in chosen:
            progress.set_description(f"{recipe.label}: expected")
            expected[recipe.label] = recipe.expected(folder)
        runs: Runs = {recipe.label: [] for recipe in chosen}
        for turn in range(rounds + 1):
            for recipe in chosen:
                progress.set_description(recipe.label)
                warm(folder)
                taken = run_recipe(recipe, folder, expected[recipe.label])
                if turn:  # the first compiles what Python imports
                    runs[recipe.label].append(taken)
                progress.update()
    return runs


@contextmanager
def place(asked: Path | None) -> Iterator[Path]:
    """Make a new folder for models and outputs, and delete it in the end."""
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="merge-", dir=asked) as folder:
        yield Path(folder)


def check_space(folder: Path, shape: Shape, models: float = 4.2) -> None:
    """Refuse where so many models do not fit: by default three, and a result.

    Raises:
        SystemExit: If they do not.
    """
    needed = int(models * 2 * shape.parameters)
    free = shutil.disk_usage(folder).free
    print(f"{needed / 1e9:.1f} GB are needed in {folder.parent}, {free / 1e9:.1f} free")
    if free < needed:
        raise SystemExit("Too little: name another place with --folder.")


def warm(folder: Path) -> None:
    """Read every input, so that all find the same page cache."""
    for name in FOLDERS:
        for path in sorted((folder / name).iterdir()):
            with path.open("rb", buffering=0) as file:
                while file.read(_BLOCK):
                    pass


def _report(facts: Mapping[str, Any], shape: Shape, runs: Runs) -> None:
    print(
        f"{facts['cpu']}, {facts['cores']} cores, load average"
        f" {facts['load_average']} at the start\n{shape.parameters / 1e6:.0f} million"
        " parameters, bfloat16, median of the rounds; x is wall / wall of linear\n"
    )
    print(f"{'recipe':20}{'wall s':>9}{'user+sys s':>12}{'peak RSS GB':>13}{'x':>7}")
    first = next(iter(runs.values()))
    for label, taken in runs.items():
        wall = _median(taken, "wall")
        print(
            f"{label:20}{wall:9.1f}{_median(taken, 'processor'):12.1f}"
            f"{_median(taken, 'peak') / 1e9:13.2f}{wall / _median(first, 'wall'):7.2f}"
        )


def _write(path: Path, facts: Mapping[str, Any], shape: Shape, runs: Runs) -> None:
    data = {
        "machine": facts,
        "model": {**asdict(shape), "parameters": shape.parameters},
        "recipes": {
            label: {
                "rounds": [asdict(one) for one in taken],
                **{f"median_{k}": _median(taken, k) for k in asdict(taken[0])},
            }
            for label, taken in runs.items()
        },
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _median(taken: Sequence[Run], what: str) -> float:
    return statistics.median(getattr(one, what) for one in taken)


def run_recipe(recipe: Recipe, folder: Path, expected: torch.Tensor) -> Run:
    """Run a recipe, check what came out, and delete it.

    Raises:
        RuntimeError: If the command fails.
        ArithmeticError: If the result is not what it should be.
    """
    path, out = folder / "recipe.yaml", folder / "out"
    path.write_text(recipe.as_yaml(folder), encoding="utf-8")
    os.sync()  # what the run before has written is not this one's work
    try:
        taken = child([str(command()), str(path), str(out)], folder / "log.txt")
        found = read(out, CHECKED).reshape(-1)
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


def command() -> Path:
    beside = Path(sys.executable).with_name("mergekit-yaml")
    found = str(beside) if beside.exists() else shutil.which("mergekit-yaml")
    if found is None:
        raise RuntimeError("mergekit-yaml is not installed: pip install mergekit")
    return Path(found)


def child(command: list[str], log: Path) -> Run:
    done = subprocess.run(
        [sys.executable, "-c", _LAUNCH, str(log), *command],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    code, *taken = json.loads(done.stdout)
    if code:
        end = log.read_text("utf-8", errors="replace")[-_SAID:]
        raise RuntimeError(f"{' '.join(command)}: exit {code}\n{end}")
    return Run(*taken)
