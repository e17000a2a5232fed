"""Checks a specification against tasks and models, and writes the sweep's folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from lm_eval_iberian import __version__, _bootstrap
from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.harness.building import open_suites
from lm_eval_iberian.harness.leaves import resolve
from lm_eval_iberian.sweep.cell_evaluation import versions
from lm_eval_iberian.sweep.model_state import states_of
from lm_eval_iberian.sweep.placed_yaml import SweepSpecError
from lm_eval_iberian.sweep.sweep_cell import SweepCell, canonical
from lm_eval_iberian.sweep.sweep_expansion import expand
from lm_eval_iberian.sweep.sweep_folder import (
    FORMAT,
    SWEEP,
    SweepFolder,
    check_version,
)
from lm_eval_iberian.sweep.sweep_spec import SweepSpec, read_spec
from mergekit_ext.errors import InputError, MergeError
from mergekit_ext.inputs.checkpoints import Checkpoint, locate, read_checkpoint
from mergekit_ext.inputs.disk_space import shown_size
from mergekit_ext.merge_file import check_file, validate_recipe
from mergekit_ext.recipes.recipe import Model
from mergekit_ext.watch import Watch


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
        return len({cell.subject for cell in self.cells if cell.recipe is not None})

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
    cells = tuple(expand(spec))
    if spec.include_path and not _bootstrap.active():
        raise spec.place.fault(
            "include_path: the start-up file of lm-eval-iberian is off, and lm_eval"
            " takes one such folder, which must then be ours; `iberian doctor` says why"
        )
    _check_recipes(spec, cells)
    _check_tasks(spec)
    needs, notes = _check_models(spec, cells, out)
    states = states_of([spec.base, spec.instruct, *spec.experts.values()])
    return SweepPlan(spec, cells, needs, notes, states)


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


def _check_recipes(spec: SweepSpec, cells: Sequence[SweepCell]) -> None:
    for cell in _subjects(cells).values():
        try:
            validate_recipe(_text(cell.recipe))
        except MergeError as error:
            raise SweepSpecError(f"{spec.place.file}: {cell.model}: {error}") from error


def _subjects(cells: Sequence[SweepCell]) -> dict[str, SweepCell]:
    """Return a cell of every merge."""
    return {cell.subject: cell for cell in cells if cell.recipe is not None}


def _check_tasks(spec: SweepSpec) -> None:
    """Check that every task exists, and that none is evaluated twice in a cell."""
    include = [Path(spec.include_path)] if spec.include_path else []
    manager, _ = open_suites([], include)
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


def _check_models(
    spec: SweepSpec, cells: Sequence[SweepCell], out: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Check models that are here against each other; return needs and notes."""
    found: dict[str, Checkpoint] = {}
    absent = []
    for model in {spec.base: "", spec.instruct: "", **_keys(spec.experts)}:
        if not model:
            continue
        try:
            folder = locate(_reference(model))
            if folder is None:
                absent.append(model)
            else:
                found[model] = read_checkpoint(model, folder)
        except InputError as error:
            raise SweepSpecError(f"{spec.place.file}: {error}") from error
    notes = [] if absent else _check_merges(spec, cells)
    return tuple(_needs(spec, found, absent, out)), tuple(dict.fromkeys(notes))


def _keys(experts: Mapping[str, str]) -> dict[str, str]:
    return dict.fromkeys(experts.values(), "")


def _reference(model: str) -> Model:
    path, _, adapter = model.partition("+")
    revision = ""
    if not Path(path).is_dir():
        path, _, revision = path.partition("@")
    return Model(model, path, revision or None, adapter or None)


class _Notes(Watch):
    """Keeps what a merge says, to be said once."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, sentence: str) -> None:
        """Keep a sentence."""
        self.sentences.append(sentence)


def _check_merges(spec: SweepSpec, cells: Sequence[SweepCell]) -> list[str]:
    """Check, as `iberian merge --dry-run` does, one merge of each method and models.

    Returns:
        What that had to say.
    """
    watch = _Notes()
    kinds = {(c.method, c.languages): c for c in _subjects(cells).values()}
    for cell in kinds.values():
        with tempfile.TemporaryDirectory(prefix="iberian-") as place:
            recipe = Path(place) / "recipe.yml"
            recipe.write_text(_text(cell.recipe), "utf-8")
            try:
                check_file(str(recipe), None, {}, watch)
            except MergeError as error:
                raise SweepSpecError(
                    f"{spec.place.file}: {cell.model}: {error}"
                ) from error
    return watch.sentences


def _needs(
    spec: SweepSpec, found: Mapping[str, Checkpoint], absent: Sequence[str], out: Path
) -> list[str]:
    """Return what a cell takes, told from the headers of the models that are here."""
    if absent:
        return [
            f"memory and disk: not known before {', '.join(absent)} is in the hub cache"
        ]
    sizes = {
        model: [header.end - header.begin for header in one.tensors.values()]
        for model, one in found.items()
    }
    largest = max(sum(tensors) for tensors in sizes.values())
    widest = max(max(tensors, default=0) for tensors in sizes.values())
    group = widest * (len(sizes) + 1)
    free = psutil.virtual_memory().available
    sentences = [
        f"memory of one cell: {shown_size(largest)} for the model and"
        f" {shown_size(group)} for the inputs of its largest tensor, as the files have"
        f" it; this machine has {shown_size(free)} free"
    ]
    if spec.engine == "disk":
        place = next(one for one in (out, *out.absolute().parents) if one.is_dir())
        sentences.append(
            f"disk of one cell that merges: {shown_size(largest)}, until it has ended;"
            f" {shown_size(shutil.disk_usage(place).free)} are free there"
        )
    return sentences


def _text(recipe: Mapping[str, Any] | None) -> str:
    return yaml.safe_dump(dict(recipe or {}), sort_keys=False, allow_unicode=True)
