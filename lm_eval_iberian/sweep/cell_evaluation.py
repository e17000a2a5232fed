"""What one cell does: merge, have lm-eval evaluate, and record how that went."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lm_eval_iberian import _bootstrap
from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.sweep.cell_record import cell_record
from lm_eval_iberian.sweep.model_state import check_unchanged
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import LOG
from lm_eval_iberian.sweep.tethered import tethered


_RECIPE = "recipe.yml"
_FLAGS = ("num_fewshot", "limit", "batch_size", "device", "system_instruction", "seed")
# begins the line of a log that says what is run
_CALL = "$ "
# how a process ends that was asked to
_ASKED = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)


class CellError(IberianError, RuntimeError):
    """A program that a cell runs failed.

    Args:
        text: What it said last.
        command: How it was called.
    """

    def __init__(self, text: str, command: str) -> None:
        self.command = command
        super().__init__(text)


class CellStopped(BaseException):
    """A program that a cell runs was asked to end, which is no failure."""


def evaluate_cell(cell: SweepCell, work: Path, settings: Mapping[str, Any]) -> None:
    """Evaluate a cell; lm-eval's files, a log and the recipe are in ``work`` then.

    Args:
        cell: The cell.
        work: An empty folder.
        settings: What holds for the whole sweep; see ``plan_sweep``.

    Raises:
        DataError: A model is not what it was when the sweep was planned.
        CellError: ``iberian merge`` or ``lm_eval`` failed.
        CellStopped: One of them was asked to end.
    """
    check_unchanged(cell, settings["models"])
    begun, took = time.time(), {}
    if cell.recipe is not None:
        text = yaml.safe_dump(dict(cell.recipe), sort_keys=False, allow_unicode=True)
        (work / _RECIPE).write_text(text, "utf-8")
    # results name a model after its path: here it is as short as the model's name
    scratch = work / "scratch"
    scratch.mkdir()
    if cell.recipe is None and Path(cell.pretrained).is_dir():
        (scratch / cell.model).symlink_to(cell.pretrained)
    elif cell.recipe is not None and settings["engine"] == "disk":
        clock = time.monotonic()
        _run(merge_command(cell, scratch, settings), work, work)
        took["merge"] = round(time.monotonic() - clock, 3)
    clock = time.monotonic()
    out = work / "lm_eval"
    arguments = model_arguments(cell, work, settings)
    _run(evaluation_command(cell, arguments, out, settings), scratch, work)
    took["evaluate"] = round(time.monotonic() - clock, 3)
    shutil.rmtree(scratch)  # links are removed, not what they point to
    _gather(out, work)
    record = cell_record(cell, work, settings, begun, took)
    (work / "record.json").write_text(
        json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8"
    )


def merge_command(
    cell: SweepCell, scratch: Path, settings: Mapping[str, Any]
) -> list[str]:
    """Return the command that merges a cell's model into a scratch folder."""
    command = [sys.executable, "-m", "lm_eval_iberian.cli", "merge"]
    if (device := settings.get("merge_device")) is not None:
        command += ["--device", str(device)]
    if cell.merge_seed is not None:
        command += ["--random-seed", str(cell.merge_seed)]
    return [*command, str(scratch.parent / _RECIPE), str(scratch / cell.model)]


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


def model_arguments(
    cell: SweepCell, work: Path, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what lm-eval is to load, for a call in the scratch folder of ``work``."""
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
    recipe = {"recipe": str(work / _RECIPE), "model": cell.model}
    return {**recipe, **seed, **more}


def _run(command: Sequence[str], at: Path, work: Path) -> None:
    """Run a program whose output goes to the log."""
    shown = shlex.join(command)
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    with (work / LOG).open("a", encoding="utf-8") as log:
        print(f"{_CALL}{shown}", file=log, flush=True)
        code = subprocess.run(
            tethered(list(command)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=at,
            env=environment,
            check=False,
        ).returncode
    if code in _ASKED:
        raise CellStopped
    if code != 0:
        raise CellError(_why(code, work / LOG, command), shown)


def _why(code: int, log: Path, command: Sequence[str]) -> str:
    name = "iberian merge" if "merge" in command else "lm_eval"
    if code == -signal.SIGKILL:
        return f"{name} was killed (SIGKILL); out of memory, as a rule"
    if code < 0:
        return f"{name} was ended by {signal.Signals(-code).name}"
    said = last_line(log.read_text("utf-8", errors="replace"))
    return f"{name} ended with {code}" if said.startswith(_CALL) else said


def last_line(text: str) -> str:
    """Return the last line that is not blank: of an error, what it says."""
    lines = [line.strip() for line in text.splitlines()]  # at \\r too: progress bars
    return next((line for line in reversed(lines) if line), "")


def _gather(out: Path, work: Path) -> None:
    """Put lm-eval's files where the result will have them."""
    results = list(out.rglob("results_*.json"))
    if len(results) != 1:
        raise CellError(f"lm_eval left {len(results)} results files, not one", "")
    for path in [*results, *out.rglob("samples_*.jsonl")]:
        path.rename(work / path.name)
    shutil.rmtree(out)
