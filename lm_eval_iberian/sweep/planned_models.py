"""The models of a sweep before it begins: whether they fit, and what they take."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep.model_state import models_of
from lm_eval_iberian.sweep.placed_yaml import SweepSpecError
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_spec import SweepSpec
from mergekit_ext.errors import InputError, MergeError
from mergekit_ext.inputs.checkpoints import Checkpoint, locate, read_checkpoint
from mergekit_ext.inputs.disk_space import shown_size
from mergekit_ext.merge_file import check_file
from mergekit_ext.recipes.recipe import Model
from mergekit_ext.watch import Watch


def check_models(
    spec: SweepSpec, cells: Sequence[SweepCell], out: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Check models that are here against each other, without their weights.

    Args:
        spec: What is asked for.
        cells: Every cell.
        out: Where the sweep is to be.

    Returns:
        What a cell needs of memory and disk, and what merges had to say, in sentences.

    Raises:
        SweepSpecError: One is missing or broken, or they do not go together.
    """
    found: dict[str, Checkpoint] = {}
    absent = []
    for model in filter(None, [spec.base, spec.instruct, *spec.experts.values()]):
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


def check_present(cells: Sequence[SweepCell]) -> None:
    """Check that the models of cells are here, whole, without their weights.

    Raises:
        DataError: One is not, and what fetches it.
    """
    for model in sorted({model for cell in cells for model in models_of(cell)}):
        of = _reference(model)
        try:
            folder = locate(of)
            if folder is not None:
                read_checkpoint(model, folder)
                continue
            why = "is not in the hub cache"
        except InputError as error:
            why = f"cannot be used: {error}"
        if Path(model).is_absolute():
            raise DataError(f"the model {model} {why}")
        revision = f" --revision {of.revision}" if of.revision else ""
        raise DataError(
            f"the model {model} {why}: where there is a network, run"
            f" `hf download {of.path}{revision}`"
        )


def _reference(model: str) -> Model:
    if Path(model).is_dir():
        return Model(model, model)
    path, _, revision = model.partition("@")
    return Model(model, path, revision or None)


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
    kinds = {(c.method, c.languages): c for c in merges_of(cells).values()}
    for cell in kinds.values():
        with tempfile.TemporaryDirectory(prefix="iberian-") as place:
            recipe = Path(place) / "recipe.yml"
            recipe.write_text(recipe_yaml(cell.recipe), "utf-8")
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


def merges_of(cells: Sequence[SweepCell]) -> dict[str, SweepCell]:
    """Return one cell of every merge."""
    return {cell.subject: cell for cell in cells if cell.recipe is not None}


def recipe_yaml(recipe: Mapping[str, Any] | None) -> str:
    """Return a recipe as a file holds it."""
    return yaml.safe_dump(dict(recipe or {}), sort_keys=False, allow_unicode=True)
