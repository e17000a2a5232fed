"""The commands that do what a cell does, for a shell: they stand in logs and errors."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_iberian import _bootstrap
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import recipe_name


_FLAGS = ("num_fewshot", "limit", "batch_size", "device", "system_instruction", "seed")


def merge_command(
    cell: SweepCell, recipe: Path, out: Path, settings: Mapping[str, Any]
) -> list[str]:
    """Return the command that merges a cell's model into a folder."""
    command = [sys.executable, "-m", "lm_eval_iberian.cli", "merge"]
    if (device := settings.get("merge_device")) is not None:
        command += ["--device", str(device)]
    if cell.merge_seed is not None:
        command += ["--random-seed", str(cell.merge_seed)]
    return [*command, str(recipe), str(out)]


def evaluation_command(
    cell: SweepCell,
    arguments: Mapping[str, Any],
    out: Path,
    settings: Mapping[str, Any],
) -> list[str]:
    """Return the call of lm-eval for a cell."""
    command = [sys.executable, "-m", "lm_eval"]
    include = settings["include_path"]
    if not _bootstrap.active():
        # without the start-up file lm-eval knows neither our tasks nor our model type
        command[1:] = [
            "-c",
            "import lm_eval_iberian.harness.merged_hf, lm_eval.__main__ as lm;"
            "lm.cli_evaluate()",
        ]
        include = include or str(task_configs())
    command += ["--model", settings["model_type"]]
    command += ["--model_args", json.dumps(dict(arguments), ensure_ascii=False)]
    command += ["--tasks", ",".join(cell.tasks)]
    for name in _FLAGS:
        if (value := cell.options.get(name)) is not None:
            command += [f"--{name}", str(value)]
    if cell.options.get("gen_kwargs"):
        command += ["--gen_kwargs", json.dumps(cell.options["gen_kwargs"])]
    if cell.options.get("apply_chat_template"):
        command.append("--apply_chat_template")
    if include:
        command += ["--include_path", include]
    return [*command, "--output_path", str(out), "--log_samples"]


def model_arguments(cell: SweepCell, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what lm-eval is to load, for a call where the cell's model has its name.

    Results name a model after its path, which is then as short as the model's name.
    """
    more = dict(settings["model_args"])
    if cell.recipe is None:
        if Path(cell.pretrained).is_dir():
            return {"pretrained": cell.model, **more}
        name, _, revision = cell.pretrained.partition("@")
        return {
            "pretrained": name,
            **({"revision": revision} if revision else {}),
            **more,
        }
    if settings["engine"] == "disk":
        return {"pretrained": cell.model, **more}
    seed = {} if cell.merge_seed is None else {"merge_seed": cell.merge_seed}
    return {"recipe": recipe_name(cell), "model": cell.model, **seed, **more}


def shell_command(cell: SweepCell, place: Path, settings: Mapping[str, Any]) -> str:
    """Return what evaluates a cell's model anew, in a shell and outside the sweep.

    Args:
        cell: The cell.
        place: Where its model or recipe has its own name.
        settings: What holds for the whole sweep.
    """
    out = Path(tempfile.gettempdir()) / f"iberian-{cell.id}"
    arguments = model_arguments(cell, settings)
    steps = [evaluation_command(cell, arguments, out, settings)]
    if cell.recipe is not None and settings["engine"] == "disk":
        merge = merge_command(
            cell, place / recipe_name(cell), out / cell.model, settings
        )
        steps = [merge, ["cd", str(out)], *steps]
    elif cell.recipe is not None or Path(cell.pretrained).is_dir():
        steps = [["cd", str(place)], *steps]
    return " && ".join(map(shlex.join, steps))
