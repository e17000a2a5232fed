"""What a further point of a sweep takes: kept models, beside merge, write and load.

The weights are compared first. Where they disagree, nothing is printed but that, and
the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from merge_cases import CASES, FOLDERS, Case, Shape, make_models
from merge_end_to_end import LARGE, Recipe, check_space, child, command, place, warm
from merge_timing import machine
from sweep_points import Points
from tqdm import tqdm

from lm_eval_iberian.paper_recipes import (
    ParameterSetting,
    Request,
    build,
    load_catalogue,
)
from lm_eval_iberian.paper_recipes.request import SPECIAL_TOKENS


METHODS: Final = ("linear", "task_arithmetic", "breadcrumbs")
# a recipe that names no tokenizer and no token
_UNNAMED: Final = "unnamed"
# the weight of the expert, in the points that follow the one that is compared
_FURTHER: Final = (0.25, 0.5, 0.9, 1.25, 1.5, 2.0)
# as `lm_eval --model hf` loads it; what it imports does not count
_LOAD: Final = """
import json, sys, time
from lm_eval.models.huggingface import HFLM
folder, out = sys.argv[1:]
start = time.perf_counter()
HFLM(pretrained=folder, dtype="bfloat16", device="cpu")
with open(out, "w") as file:
    json.dump(time.perf_counter() - start, file)
"""


@dataclass
class Row:
    """What one method took, in seconds.

    Args:
        differ: The share of weights that are not mergekit's.
        faults: What disagrees, in words.
        first: The first point, in which models are read and cuts are searched.
        further: The points after it.
        merges: ``mergekit-yaml``, each time.
        loads: lm-eval's loading of what it wrote.
    """

    differ: float = 0.0
    faults: list[str] = field(default_factory=list)
    first: float = 0.0
    further: list[float] = field(default_factory=list)
    merges: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times as long merging, writing and loading take."""
        slow = statistics.median(self.merges) + statistics.median(self.loads)
        return slow / statistics.median(self.further)


def main(arguments: Sequence[str] | None = None, shape: Shape = LARGE) -> int:
    options = _parser().parse_args(arguments)
    facts = machine()
    with place(options.folder) as folder:
        check_space(folder, shape, 5.2)
        rows, memory = _measure(folder, shape, options)
    facts["load_average_at_the_end"] = round(os.getloadavg()[0], 2)
    faults = [f"{n}: {fault}" for n, row in rows.items() for fault in row.faults]
    for fault in faults:
        print(f"DISAGREES: {fault}")
    if not faults:
        facts["tokens"] = options.tokens
        _report(facts, shape, rows, memory)
        if options.json:
            _write(options.json, facts, shape, rows, memory)
    return 1 if faults else 0


def _measure(
    folder: Path, shape: Shape, options: argparse.Namespace
) -> tuple[dict[str, Row], dict[str, Any]]:
    """Make the models, compare, and let the two ways take turns."""
    rows = {name: Row() for name in options.methods}
    steps = 1 + len(rows) * options.rounds
    with (
        tqdm(total=steps, unit="step", leave=False) as progress,
        Points(folder / "points.txt") as points,
    ):
        progress.set_description("models")
        make_models(folder, shape)
        _instruct(folder / FOLDERS[1], shape)
        warm(folder)
        written = {
            name: _Written(
                CASES[name],
                *(_recipe(folder, CASES[name], options.tokens, fused=fused)
                  for fused in (False, True)),
            )
            for name in rows
        }  # fmt: skip
        points.ask(do="open", folder=str(folder / FOLDERS[0]))
        progress.update()
        for name, row in rows.items():
            for turn in range(options.rounds):
                progress.set_description(name)
                if not row.faults:
                    _turn(folder, written[name], points, row, compared=bool(turn))
                progress.update()
        return rows, points.ask(do="memory")


def _recipe(folder: Path, case: Case, tokens: str, *, fused: bool) -> str:
    """Return a method's recipe; without a base, instruct and expert are averaged."""
    names = FOLDERS if case.base else FOLDERS[1:]
    if tokens == _UNNAMED:
        return Recipe(case.name, case, fused, names).as_yaml(folder)
    base, instruct, expert = (str(folder / name) for name in FOLDERS)
    settings = [
        ParameterSetting(name, value, str(value), part)
        for name, given in case.values(len(names)).items()
        for part, value in zip(("instruct", "eu"), given.values(), strict=True)
    ]
    request = Request(
        None, case.name, ("eu",), fused=fused, base=base, instruct=instruct,
        experts={"eu": expert}, settings=tuple(settings), special_tokens=tokens,
    )  # fmt: skip
    return yaml.safe_dump(build(request, load_catalogue()), sort_keys=False)


def _instruct(model: Path, shape: Shape) -> None:
    """Let a model end its turns on tokens of their own, as one that was instructed."""
    path = model / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["eos_token_id"] = [2, *range(shape.vocabulary - 4, shape.vocabulary)]
    path.write_text(json.dumps(config), encoding="utf-8")
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m['content'] }}{% endfor %}", encoding="utf-8"
    )


@dataclass(frozen=True)
class _Written:
    """A method's recipes, as text: mergekit's own, and ours."""

    case: Case
    stock: str
    fused: str


def _turn(
    folder: Path, written: _Written, points: Points, row: Row, *, compared: bool
) -> None:
    """Measure each way once, ours at several points, after comparing what they give."""
    fused, out = folder / "fused.yaml", folder / "out"
    fused.write_text(written.fused, encoding="utf-8")
    try:
        merged, loaded = _stock(folder, written.stock, out)
        row.merges.append(merged)
        row.loads.append(loaded)
        if not compared:
            _compare(folder, written.case, points, row)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    os.sync()
    for weight in _FURTHER:
        weights = {FOLDERS[1]: weight, FOLDERS[2]: 1.0}
        done = points.ask(do="point", recipe=str(fused), weights=weights)
        row.further.append(done["seconds"])


def _compare(folder: Path, case: Case, points: Points, row: Row) -> None:
    """Merge a first point, and compare all of it with both merges on the disk."""
    fused, out = folder / "fused.yaml", folder / "out_fused"
    row.first = points.ask(do="point", recipe=str(fused), weights={})["seconds"]
    try:
        child([str(command()), str(fused), str(out)], folder / "log.txt")
        found = points.ask(
            do="compare",
            base=str(folder / FOLDERS[0]),
            fused=str(out),
            stock=str(folder / "out"),
        )
    finally:
        shutil.rmtree(out, ignore_errors=True)
    row.differ = found["differ"]
    if found["wrong"]:
        row.faults.append(f"{found['wrong'][0]} is not as our method writes it")
    for what in ("differ", "apart"):
        if not found[what] <= (most := getattr(case, f"may_{_MAY[what]}")):
            row.faults.append(f"{found[what]:.2%} {what}, of at most {most:.2%}")


_MAY: Final = {"differ": "differ", "apart": "be_apart"}


def _stock(folder: Path, recipe: str, out: Path) -> tuple[float, float]:
    """Merge by mergekit's own method, and load the result; return seconds of both."""
    path, taken = folder / "stock.yaml", folder / "load.json"
    path.write_text(recipe, encoding="utf-8")
    warm(folder)
    os.sync()
    merged = child([str(command()), str(path), str(out)], folder / "log.txt")
    child([sys.executable, "-c", _LOAD, str(out), str(taken)], folder / "log.txt")
    return merged.wall, json.loads(taken.read_text("utf-8"))


def _report(
    facts: Mapping[str, Any],
    shape: Shape,
    rows: Mapping[str, Row],
    memory: Mapping[str, Any],
) -> None:
    print(
        f"{facts['cpu']}, {facts['cores']} cores, load average"
        f" {facts['load_average']} at the start,"
        f" {facts['load_average_at_the_end']} at the end\n"
        f"{shape.parameters / 1e6:.0f} million parameters, bfloat16, tokens:"
        f" {facts['tokens']}; medians, seconds;"
        " x is (mergekit-yaml + load) / point\n"
    )
    print(f"{'method':18}{'mergekit-yaml':>14}{'load':>8}{'first':>8}{'point':>8}"
          f"{'x':>8}{'differ':>9}")  # fmt: skip
    for name, row in rows.items():
        merge, load, point = map(
            statistics.median, (row.merges, row.loads, row.further)
        )
        print(
            f"{name:18}{merge:14.1f}{load:8.2f}{row.first:8.2f}{point:8.2f}"
            f"{row.ratio:8.1f}{row.differ:9.3%}"
        )
    giga = {key: f"{value / 1e9:.2f}" for key, value in memory.items()}
    print(
        f"\nMemory, GB: kept models {giga['models']}, live model {giga['live']};"
        f" the process at its peak, RSS {giga['peak_rss']}; at the end, RSS"
        f" {giga['rss']}, USS {giga['uss']}."
    )
    if not memory["peak_is_of_the_points"]:
        print("The peak may be of what came before: the system does not forget it.")


def _write(
    path: Path,
    facts: Mapping[str, Any],
    shape: Shape,
    rows: Mapping[str, Row],
    memory: Mapping[str, Any],
) -> None:
    methods = {name: {**vars(row), "ratio": row.ratio} for name, row in rows.items()}
    data = {
        "machine": facts, "parameters": shape.parameters, "methods": methods,
        "memory": memory,
    }  # fmt: skip
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--methods", nargs="+", default=METHODS, choices=METHODS)
    add(
        "--tokens",
        default=_UNNAMED,
        choices=(_UNNAMED, *SPECIAL_TOKENS),
        help="what the recipes say of tokens: nothing, or as `iberian recipe"
        " --special-tokens` writes them (unnamed)",
    )
    add("--rounds", type=int, default=1, help="turns of the slow way (1)")
    add("--folder", type=Path, help="for models and results, about 8 GB")
    add("--json", type=Path, help="write all rounds to this file")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
