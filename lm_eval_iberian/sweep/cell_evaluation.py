"""What one cell does: merge, have lm-eval evaluate, and record how that went."""

from __future__ import annotations

import gc
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.harness.evaluation import TaskEvaluation
from lm_eval_iberian.sweep.cell_commands import (
    evaluation_command,
    merge_command,
    model_arguments,
    shell_command,
)
from lm_eval_iberian.sweep.cell_record import cell_record, dataset_facts
from lm_eval_iberian.sweep.model_state import check_unchanged
from lm_eval_iberian.sweep.sweep_cell import SweepCell, recipe_yaml
from lm_eval_iberian.sweep.sweep_folder import LOG, SweepFolder, recipe_name
from lm_eval_iberian.sweep.sweep_memory import kept_place, sweep_memory
from lm_eval_iberian.sweep.tethered import tethered


_RECIPE = "recipe.yml"
# begins the line of a log that says what is run
_CALL = "$ "
# how a process ends that was asked to
_ASKED = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)


class CellError(IberianError, RuntimeError):
    """The evaluation of a cell failed, or a program that it runs.

    Args:
        text: What was said last.
        command: What repeats it, in a shell.
    """

    def __init__(self, text: str, command: str) -> None:
        self.command = command
        super().__init__(text)


class CellStopped(BaseException):
    """A program that a cell runs was asked to end, which is no failure."""


class CellEvaluation:
    """Evaluates cells of a sweep one after another, and keeps what several share.

    With ``engine: disk`` a merge is kept in a folder, and evaluated by processes; else
    lm-eval runs in this process, and the live model is kept.

    Args:
        folder: The sweep.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._tasks: TaskEvaluation | None = None
        self._last: SweepCell | None = None
        self._kept: Any = None
        self._merge = ExitStack()
        self._merged: tuple[SweepCell, Path, dict[str, Any]] | None = None

    def __enter__(self) -> CellEvaluation:
        return self

    def __exit__(self, *given: object) -> None:
        self._let_go()
        if self._kept is not None:
            self._kept.close()

    def __call__(
        self, cell: SweepCell, work: Path, settings: Mapping[str, Any]
    ) -> None:
        """Evaluate a cell; lm-eval's files, a log and the recipe are in ``work`` then.

        Args:
            cell: The cell.
            work: An empty folder.
            settings: What holds for the whole sweep; see ``plan_sweep``.

        Raises:
            DataError: A model is not what it was when the sweep was planned.
            CellError: The merge or lm-eval failed.
            CellStopped: One of them was asked to end.
        """
        check_unchanged(cell, settings["models"])
        self._last = cell
        begun = time.time()
        if cell.recipe is not None:
            (work / _RECIPE).write_text(recipe_yaml(cell.recipe), "utf-8")
        place = self._folder.model_place(cell)
        if self._merged is not None and self._merged[0].subject != cell.subject:
            self._let_go()
        clock, out = time.monotonic(), work / "lm_eval"
        with _told(cell, place, settings, work):
            tasks = self._evaluation(settings)
            datasets = tasks.examined(cell.tasks, cell.options.get("num_fewshot"))
        if settings["engine"] == "disk":
            merge = self._on_disk(cell, place, work, settings)
        else:
            merge = self._in_memory(cell, place, work, settings)
        seconds = time.monotonic() - clock
        _gather(out, work)
        took = {"evaluate": round(seconds, 3)}
        if merge is not None:
            own = 0.0 if merge["kept"] else merge["seconds"]
            took = {"merge": own, "evaluate": round(max(0.0, seconds - own), 3)}
        record = cell_record(cell, work, settings, begun, took, merge, datasets)
        (work / "record.json").write_text(
            json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8"
        )

    def needs_fresh(self, cell: SweepCell) -> bool:
        """Whether a cell is to be run by a new process, for what this one had before.

        vLLM does not give back all that a model had taken of a GPU.
        """
        before = self._last
        if before is None or self._folder.content["settings"]["engine"] != "vllm":
            return False
        return before.recipe is None or cell.recipe is None

    def _evaluation(self, settings: Mapping[str, Any]) -> TaskEvaluation:
        if self._tasks is None:
            names = {task: None for cell in self._folder.cells for task in cell.tasks}
            self._tasks = TaskEvaluation(
                list(names), settings["include_path"], dataset_facts
            )
        return self._tasks

    def _in_memory(
        self, cell: SweepCell, place: Path, work: Path, settings: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Evaluate in this process; return what the merge took."""
        from lm_eval_iberian.harness.kept_models import kept_models

        if self._kept is None:
            self._kept = models_kept_for(self._folder.cells, settings)
        before = len(self._kept.costs)
        arguments = model_arguments(cell, settings)
        with (
            _told(cell, place, settings, work),
            _working_in(place),
            kept_models(self._kept),
        ):
            try:
                self._evaluation(settings).evaluate(
                    settings["model_type"], arguments, cell.tasks, cell.options,
                    work / "lm_eval",
                )  # fmt: skip
            finally:
                gc.collect()  # a model that is in a circle is memory
        costs = self._kept.costs[before:]
        return vars(costs[-1]) if costs else None

    def _on_disk(
        self, cell: SweepCell, place: Path, work: Path, settings: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Merge into a folder if need be, and run lm-eval on it."""
        again, at, cost = shell_command(cell, place, settings), place, None
        if cell.recipe is not None:
            if self._merged is None:
                scratch = self._merge.enter_context(self._folder.scratch())
                command = merge_command(
                    cell, place / recipe_name(cell), scratch / cell.model, settings
                )
                clock = time.monotonic()
                peak = _run(command, scratch, work, again)
                seconds = round(time.monotonic() - clock, 3)
                kept = {"seconds": seconds, "peak_bytes": peak, "device_bytes": None}
                self._merged, cost = (cell, scratch, kept), {**kept, "kept": False}
            else:
                first, scratch, kept = self._merged
                cost = {**kept, "seconds": 0.0, "kept": True}
                with (work / LOG).open("a", encoding="utf-8") as log:
                    print(f"merged already, for {first.id}", file=log)
            at = scratch
        arguments = model_arguments(cell, settings)
        _run(
            evaluation_command(cell, arguments, work / "lm_eval", settings),
            at, work, again,
        )  # fmt: skip
        return cost

    def _let_go(self) -> None:
        self._merge.close()
        self._merged = None


def models_kept_for(cells: Sequence[SweepCell], settings: Mapping[str, Any]) -> Any:
    """Return what a process keeps, which has the models of merges where they fit."""
    from lm_eval_iberian.harness.kept_models import KeptModels
    from mergekit_ext.inmemory import ResidentModels

    memory = sweep_memory(cells, settings)
    place = kept_place(memory, settings)
    if place.where == "nowhere":
        return KeptModels()
    return KeptModels(ResidentModels("cuda" if place.where == "device" else "cpu"))


@contextmanager
def _told(
    cell: SweepCell, place: Path, settings: Mapping[str, Any], work: Path
) -> Iterator[None]:
    """Have all that the body prints in the log, and what it raises as a cell's error.

    Raises:
        CellError: The body raised something.
    """
    command = shell_command(cell, place, settings)
    path = work / LOG
    new = not path.exists()
    with logged(path):
        if new and settings["engine"] != "disk":
            print(f"{_CALL}{command}", flush=True)
        try:
            yield
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            said = "".join(traceback.format_exception_only(error))
            text = str(error) if isinstance(error, IberianError) else last_line(said)
            raise CellError(text, command) from error


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Append what is written to the outputs of this process, by C too, to a file."""
    streams = (sys.stdout, sys.stderr)
    before = [os.dup(number) for number in (1, 2)]
    with path.open("ab") as file:
        for stream in streams:
            stream.flush()
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            for stream in streams:
                stream.flush()
            for number, handle in zip((1, 2), before, strict=True):
                os.dup2(handle, number)
                os.close(handle)


@contextmanager
def _working_in(place: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(before)


def _run(command: Sequence[str], at: Path, work: Path, again: str) -> int:
    """Run a program whose output goes to the log; return its peak of memory."""
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    with (work / LOG).open("a", encoding="utf-8") as log:
        print(f"{_CALL}{shlex.join(command)}", file=log, flush=True)
        process = subprocess.Popen(
            tethered(list(command)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=at,
            env=environment,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # this process is asked to end
            process.kill()
            raise
    process.returncode = code = os.waitstatus_to_exitcode(status)
    if code in _ASKED:
        raise CellStopped
    if code != 0:
        raise CellError(_why(code, work / LOG, command), again)
    return usage.ru_maxrss << 10


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
