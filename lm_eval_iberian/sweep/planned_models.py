"""The models of a sweep before it begins: whether they fit each other."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep.placed_yaml import SweepSpecError
from lm_eval_iberian.sweep.sweep_cell import SweepCell, recipe_yaml
from lm_eval_iberian.sweep.sweep_memory import reference
from lm_eval_iberian.sweep.sweep_spec import SweepSpec
from mergekit_ext.errors import InputError, MergeError
from mergekit_ext.inputs.checkpoints import locate, read_checkpoint
from mergekit_ext.merge_file import check_file
from mergekit_ext.watch import Watch


_SHOWN = 8


def check_models(spec: SweepSpec, cells: Sequence[SweepCell]) -> tuple[str, ...]:
    """Check models that are here against each other, without their weights.

    Args:
        spec: What is asked for.
        cells: Every cell.

    Returns:
        What merges had to say, in sentences.

    Raises:
        SweepSpecError: One is missing or broken, or they do not go together.
    """
    complete = True
    for model in filter(None, [spec.base, spec.instruct, *spec.experts.values()]):
        try:
            folder = locate(reference(model))
            if folder is not None:
                read_checkpoint(model, folder)
            else:
                _check_id(spec, model)
        except InputError as error:
            raise SweepSpecError(f"{spec.place.file}: {error}") from error
        complete = complete and folder is not None
    return tuple(dict.fromkeys(_check_merges(spec, cells) if complete else []))


def _check_id(spec: SweepSpec, model: str) -> None:
    """Refuse what is rather a folder with a wrong name than a model of the hub."""
    beside = (Path(spec.place.file).absolute().parent / model).parent
    if "/" in model and beside.is_dir():
        there = sorted(one.name for one in beside.iterdir() if one.is_dir())
        raise SweepSpecError(
            f"{spec.place.file}: the model {model!r} is neither in {beside}"
            f" ({', '.join(there[:_SHOWN]) or 'which is empty'}) nor in the hub cache;"
            f" if it is one of the hub's, run `hf download {model.partition('@')[0]}`"
        )


def check_present(cells: Sequence[SweepCell]) -> None:
    """Check that the models of cells are here, whole, without their weights.

    Raises:
        DataError: One is not, and what fetches it.
    """
    for model in sorted({model for cell in cells for model in cell.parts}):
        of = reference(model)
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


def merges_of(cells: Sequence[SweepCell]) -> dict[str, SweepCell]:
    """Return one cell of every merge."""
    return {cell.subject: cell for cell in cells if cell.recipe is not None}
