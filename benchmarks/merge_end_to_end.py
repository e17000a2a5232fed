"""``merge.py --end-to-end``: what ``mergekit-yaml`` takes, from models to a model.

The recipes take turns in children, over the same folders, in a page cache that holds
them all from the start.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from merge_command import Recipe, Run, recipes
from merge_command import run as run_once
from merge_machine import machine
from merge_models import FOLDERS, Shape, make_models
from tqdm import tqdm


LARGE: Final = Shape()
_BLOCK: Final = 1 << 24

Runs = dict[str, list[Run]]


def run(options: argparse.Namespace, shape: Shape = LARGE) -> int:
    """Make the models, time the recipes, print the table; return the exit status."""
    facts = machine()
    chosen = recipes(stock_breadcrumbs=options.with_stock_breadcrumbs)
    with _place(options.folder) as folder:
        _check_space(folder, shape)
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
                _warm(folder)
                taken = run_once(recipe, folder, expected[recipe.label])
                if turn:  # the first compiles what Python imports
                    runs[recipe.label].append(taken)
                progress.update()
    return runs


@contextmanager
def _place(asked: Path | None) -> Iterator[Path]:
    """Make a new folder for models and outputs, and delete it in the end."""
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="merge-", dir=asked) as folder:
        yield Path(folder)


def _check_space(folder: Path, shape: Shape) -> None:
    """Refuse where three models and a result do not fit.

    Raises:
        SystemExit: If they do not.
    """
    needed = int(4.2 * 2 * shape.parameters)
    free = shutil.disk_usage(folder).free
    print(f"{needed / 1e9:.1f} GB are needed in {folder.parent}, {free / 1e9:.1f} free")
    if free < needed:
        raise SystemExit("Too little: name another place with --folder.")


def _warm(folder: Path) -> None:
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
