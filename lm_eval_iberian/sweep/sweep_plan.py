"""Checks a specification against tasks and models, and writes the sweep's folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_eval_iberian import __version__, _bootstrap
from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.harness.building import open_suites
from lm_eval_iberian.harness.leaves import resolve
from lm_eval_iberian.harness.merge_arguments import read_arguments
from lm_eval_iberian.sweep.cell_record import versions
from lm_eval_iberian.sweep.model_state import states_of
from lm_eval_iberian.sweep.placed_yaml import Placed, SweepSpecError
from lm_eval_iberian.sweep.planned_models import check_models, merges_of
from lm_eval_iberian.sweep.sweep_cell import SweepCell, canonical, recipe_yaml
from lm_eval_iberian.sweep.sweep_expansion import expand
from lm_eval_iberian.sweep.sweep_folder import (
    FORMAT,
    SWEEP,
    SweepFolder,
    check_version,
)
from lm_eval_iberian.sweep.sweep_memory import (
    SweepMemory,
    check_sweep_memory,
    kept_place,
    sweep_memory,
)
from lm_eval_iberian.sweep.sweep_spec import MODEL_TYPES, SweepSpec, read_spec
from lm_eval_iberian.sweep.sweep_work import SweepWork, documents_of, sweep_work
from mergekit_ext.errors import MergeError
from mergekit_ext.inputs.disk_space import shown_size
from mergekit_ext.inputs.host_memory import free_host_bytes
from mergekit_ext.merge_file import validate_recipe


@dataclass(frozen=True)
class SweepPlan:
    """What a specification comes to.

    Attributes:
        spec: The specification.
        cells: Every cell.
        needs: What one cell takes of memory and disk, in sentences.
        notes: What is worth knowing of its merges, in sentences.
        states: Local model to what its files were, for changes to be noticed.
    """

    spec: SweepSpec
    cells: tuple[SweepCell, ...]
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    states: Mapping[str, str]

    @property
    def merges(self) -> int:
        """How many different merges there are."""
        return len(merges_of(self.cells))

    @property
    def settings(self) -> dict[str, Any]:
        """What holds for every cell."""
        return {
            "engine": self.spec.engine,
            "model_type": self.spec.model_type,
            "model_args": dict(self.spec.model_args),
            "include_path": self.spec.include_path,
            "models": dict(self.states),
        }

    @property
    def digest(self) -> str:
        """What tells the sweep from others: all that its results depend on."""
        found = [self.settings, [cell.as_data() for cell in self.cells]]
        return hashlib.sha256(canonical(found).encode()).hexdigest()


def make_plan(path: Path, out: Path) -> SweepPlan:
    """Read a specification and check everything that can be told without weights.

    The specification comes first, then recipes and tasks, then models that are here.

    Args:
        path: The specification.
        out: Where the sweep is to be, for the room there.

    Raises:
        IberianError: With what is wrong, and where.
    """
    spec = read_spec(path)
    return checked_plan(spec, expand(spec), out)


def checked_plan(spec: SweepSpec, cells: Iterable[SweepCell], out: Path) -> SweepPlan:
    """Check a specification, and cells of it, against tasks and models.

    Args:
        spec: The specification.
        cells: Cells of it; a search knows only some before it begins.
        out: Where results are to be, for the room there.

    Raises:
        IberianError: With what is wrong, and where.
    """
    cells = tuple(cells)
    if spec.include_path and not _bootstrap.active():
        raise spec.place.fault(
            "include_path: the start-up file of lm-eval-iberian is off, and lm_eval"
            " takes one such folder, which must then be ours; `iberian doctor` says why"
        )
    if spec.engine == "vllm":
        _check_vllm(spec.place.value["engine"])
    _check_arguments(spec)
    _check_recipes(spec, cells)
    documents = _check_tasks(spec)
    notes = check_models(spec, cells)
    states = states_of([spec.base, spec.instruct, *spec.experts.values()])
    plan = SweepPlan(spec, cells, (), notes, states)
    memory = sweep_memory(cells, plan.settings)
    check_sweep_memory(memory, total=True)
    work = sweep_work(cells, documents)
    return replace(plan, needs=tuple(_needs(plan, memory, work, out)))


def write_plan(plan: SweepPlan, folder: Path) -> SweepFolder:
    """Write a plan into a folder, which may hold the same one already.

    Raises:
        DataError: The folder holds something else.
    """
    place = folder / SWEEP
    if place.is_file():
        try:
            content = json.loads(place.read_text("utf-8"))
        except ValueError as error:
            raise DataError(f"{place} is not JSON: {error}") from error
        check_version(folder, content)
        if content.get("spec") != plan.digest:
            raise DataError(
                f"{folder} is the folder of another sweep, of {content.get('file')};"
                " give a new one with -o"
            )
        return SweepFolder(folder, content)
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"{folder} holds other things; give a new folder with -o")
    content = {
        "format": FORMAT,
        "lm_eval_iberian": __version__,
        "spec": plan.digest,
        "file": str(Path(plan.spec.place.file).absolute()),
        "versions": versions(),
        "settings": plan.settings,
        "cells": [cell.as_data() for cell in plan.cells],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise DataError(f"{place} cannot be written: {error.strerror}") from error
    return SweepFolder(folder, content)


def _check_vllm(place: Placed) -> None:
    """Refuse a vLLM that is not there, or that cannot be given weights."""
    if find_spec("vllm") is None:
        raise place.fault(
            "engine: vllm needs vLLM, which is not installed; pip install vllm, or take"
            " `engine: hf`"
        )
    from lm_eval_iberian.harness.vllm_engine import check_vllm

    try:
        check_vllm()
    except IberianError as error:
        raise place.fault(str(error)) from error


def _check_arguments(spec: SweepSpec) -> None:
    """Refuse what ``--model merged`` or ``merged-vllm`` would beside a recipe."""
    if spec.engine not in MODEL_TYPES or not spec.methods:
        return
    place = spec.place.value.get("model_args", spec.place)
    try:
        given = {"recipe": "RECIPE", **spec.model_args}
        read_arguments(given, MODEL_TYPES[spec.engine])
    except IberianError as error:
        raise place.fault(f"model_args: {error}") from error


def _check_recipes(spec: SweepSpec, cells: Sequence[SweepCell]) -> None:
    for cell in merges_of(cells).values():
        try:
            validate_recipe(recipe_yaml(cell.recipe))
        except MergeError as error:
            raise SweepSpecError(f"{spec.place.file}: {cell.model}: {error}") from error


def _needs(
    plan: SweepPlan, memory: SweepMemory, work: SweepWork, out: Path
) -> Iterator[str]:
    """Yield what the sweep takes of memory, disk and time, in sentences."""
    place = next(one for one in (out, *out.absolute().parents) if one.is_dir())
    free, merged = shown_size(shutil.disk_usage(place).free), plan.merges > 0
    host = shown_size(free_host_bytes())
    if memory.absent:
        yield (
            "memory and disk: not known before"
            f" {', '.join(memory.absent)} is in the hub cache"
        )
    else:
        where = f"on {memory.device}" if memory.on_device else "in memory"
        yield (
            f"memory of one cell: {shown_size(memory.model)} for the model {where} and"
            f" {shown_size(memory.group)} for the inputs of its largest tensor, as the"
            f" files have it; this machine has {host} free"
        )
        if merged:
            kept = kept_place(memory, plan.settings)
            yield f"kept in memory: {kept.where} ({kept.why})"
        if merged and plan.spec.engine == "disk":
            yield (
                f"disk of one cell that merges: {shown_size(memory.model)}, until the"
                f" last cell of its merge has ended; {free} are free there"
            )
    yield f"results: about {shown_size(work.bytes)} of {free} that are free"
    yield from work.sentences(memory.parameters)


def _check_tasks(spec: SweepSpec) -> dict[str, list[int | None]]:
    """Check that every task exists, and that none is evaluated twice in a cell.

    Returns:
        Task, or group, to the numbers of documents, each where it is known.
    """
    include = [Path(spec.include_path)] if spec.include_path else []
    manager, _ = open_suites([], include)
    documents: dict[str, list[int | None]] = {}
    for suite in spec.suites:
        for lang, listed in suite.tasks.items():
            place = suite.place.value["tasks"].value[lang]
            seen: dict[str, str] = {}
            for name in listed:
                try:
                    if name not in manager.task_index:  # perhaps one of upstream's
                        manager, _ = open_suites([name], include)
                    leaves = resolve(manager.task_index, [name])
                except IberianError as error:
                    raise place.fault(str(error)) from error
                for leaf in leaves:
                    if leaf.name in seen:
                        raise place.fault(
                            f"{leaf.name} is part of {seen[leaf.name]} and of {name};"
                            " leave one out"
                        )
                    seen[leaf.name] = name
                if name not in documents:
                    documents[name] = [documents_of(leaf, manager) for leaf in leaves]
    return documents
