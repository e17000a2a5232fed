"""Models that stay in memory from merge to merge, with what is known of them.

Each is read and checked once. What a search for cuts finds is kept too, so that a
merge which differs in weights is one pass over memory.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open

from mergekit_ext.checked_merge import ReadyMerge
from mergekit_ext.errors import InputError
from mergekit_ext.inmemory.built_tokenizer import BuiltTokenizer
from mergekit_ext.inmemory.prepared_merge import PreparedMerge
from mergekit_ext.inputs.checkpoints import Checkpoint, file_state
from mergekit_ext.inputs.pickled_weights import is_pickled, pickled_tensors
from mergekit_ext.kernels.kept_cuts import KeptCuts, NameTensor
from mergekit_ext.moved_rows import KeptRows
from mergekit_ext.recipes.recipe_reader import read_recipe


# tokenizers that are kept beside the one in use: each takes tens of megabytes
_TOKENIZERS = 4
# files, with what would be another if they were written again
Files = tuple[tuple[Path, int, int, int], ...]


@dataclass(frozen=True)
class _Held:
    """A model that is held, and the files that it was read from."""

    files: Files
    tensors: Mapping[str, torch.Tensor]
    where: Mapping[str, Path]


@dataclass(frozen=True)
class LentModels:
    """The models of one merge, while it lasts.

    Args:
        tensors: Name in the recipe -> tensor name -> tensor.
    """

    tensors: Mapping[str, Mapping[str, torch.Tensor]]
    _cuts: KeptCuts
    _rows: KeptRows
    _name: NameTensor

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have the body, in this thread, search and move nothing that is known."""
        with self._cuts.used(self._name), self._rows.used():
            yield


class ResidentModels(Mapping[str, Mapping[str, torch.Tensor]]):
    """The models of many merges, in memory: name in a recipe -> tensor name -> tensor.

    On the CPU the tensors are maps of their safetensors files, of which all processes
    of a machine share one copy; those of ``.bin`` files are read. On another device
    each is there once. They must not be changed. Merges may use them in several
    threads at the same time, each into a model of its own.

    Give them to ``merge_into`` or ``merged_tensors``, which hold what is missing. On
    another device than the CPU, merge there too: ``prepared.computed_on(device)``.

    Args:
        device: Where the tensors are to be.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._models: dict[str, _Held] = {}
        self._cuts = KeptCuts()
        self._rows = KeptRows(self._twin)
        self._tokenizers: list[BuiltTokenizer] = []
        self._reading = threading.Lock()

    def __getitem__(self, model: str) -> Mapping[str, torch.Tensor]:
        """Return the tensors of a model."""
        return self._models[model].tensors

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the models that are held."""
        return iter(dict(self._models))

    def __len__(self) -> int:
        """Return how many names are held."""
        return len(self._models)

    @property
    def bytes(self) -> int:
        """How much memory the models take; on the CPU, of all processes together."""
        tensors = [t for one in self._distinct() for t in one.tensors.values()]
        return sum(tensor.nbytes for tensor in tensors)

    @property
    def known_cuts(self) -> int:
        """How many searches need not be done again."""
        return len(self._cuts)

    def needed(self, prepared: PreparedMerge) -> int:
        """Return how many bytes it would take to hold what a merge reads.

        Models that are held already take none. Nothing is read.
        """
        held = {one.files for one in self._distinct()}
        wanted = {
            files: one.checkpoint
            for one in prepared.ready.inputs
            if one.adapter is None and (files := _files(one.checkpoint)) not in held
        }
        return sum(
            header.end - header.begin
            for checkpoint in wanted.values()
            for header in checkpoint.tensors.values()
        )

    def hold(self, prepared: PreparedMerge) -> None:
        """Read and check every model of a merge that is not held yet.

        One whose files have been written again since is read again. A model with an
        adapter is not held: mergekit makes it, and each merge reads it.

        Raises:
            InputError: If a weight is NaN or infinite, naming it, or cannot be read.
        """
        with self._reading:
            inputs = [one for one in prepared.ready.inputs if one.adapter is None]
            files = {one.model.name: _files(one.checkpoint) for one in inputs}
            by_files = {one.files: one for one in self._distinct()}
            new = {one.model.name for one in inputs
                   if files[one.model.name] not in by_files}  # fmt: skip
            if new:
                names = {one.model.name for one in prepared.ready.inputs}
                prepared.merge.check_weights(_only(prepared, new), but=names - new)
                # of a model that is read again nothing is to be left
                self._rows = KeptRows(self._twin)
            for one in inputs:
                name = one.model.name
                if name in new:
                    tensors = self._read(one.checkpoint)
                    by_files[files[name]] = _Held(
                        files[name], tensors, _where(one.checkpoint)
                    )
                self._models[name] = by_files[files[name]]

    def lent(self, prepared: PreparedMerge) -> LentModels:
        """Hold the models of a merge; return them, as they are now, for its time.

        Raises:
            InputError: As ``hold`` does.
        """
        self.hold(prepared)
        with self._reading:
            models, cuts, rows = dict(self._models), self._cuts, self._rows
            self._keep(prepared.tokenizer)
        names = [one.model.name for one in prepared.ready.inputs]
        held = {name: models[name] for name in names if name in models}
        return LentModels(
            {name: one.tensors for name, one in held.items()},
            cuts,
            rows,
            _namer(prepared, {name: one.files for name, one in held.items()}),
        )

    def release(self) -> None:
        """Let go of all models and of what is known of them.

        A merge that runs has what it needs until it ends.
        """
        with self._reading:
            self._models, self._cuts = {}, KeptCuts()
            self._rows, self._tokenizers = KeptRows(self._twin), []

    def _keep(self, tokenizer: BuiltTokenizer) -> None:
        """Keep a tokenizer that is built, or is about to be; each once."""
        known: dict[int, BuiltTokenizer] = {}
        for one in (*self._tokenizers, tokenizer):
            if one.number is not None:
                known.pop(one.number, None)
                known[one.number] = one
        new = [tokenizer] if tokenizer.number is None else []
        self._tokenizers = [*list(known.values())[-_TOKENIZERS:], *new]

    def _twin(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """Return another map of a tensor's file, private to this process."""
        if self.device.type != "cpu":
            return None
        for held in self._distinct():
            for name, one in held.tensors.items():
                if one.data_ptr() == tensor.data_ptr() and one.shape == tensor.shape:
                    file = held.where[name]
                    if is_pickled(file) or file_state(file) not in held.files:
                        return None
                    return _tensors("", file, [name])[name]
        return None

    def _distinct(self) -> list[_Held]:
        """Return what is held, once each: a model may be held by several names."""
        return list({one.files: one for one in dict(self._models).values()}.values())

    def _read(self, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        for file in checkpoint.files():
            # in several files, the one counts that the index names
            names = {n for n, h in checkpoint.tensors.items() if h.file == file}
            for name, tensor in _tensors(checkpoint.model, file, names).items():
                found[name] = tensor.to(self.device)
        return found


def _namer(prepared: PreparedMerge, held: Mapping[str, Files]) -> NameTensor:
    """Return what names those tensors of a merge that are the same in every other.

    A tensor is the same wherever one model's is asked for by one name and converted to
    one dtype. Where its rows are moved to another vocabulary it depends on all models
    and on the tokenizer that was built: a union is numbered anew each time.
    """
    config, _ = prepared.merge.for_mergekit(prepared.ready)
    references = [model.name for model in read_recipe(config).models]
    asked = [one.model.name for one in prepared.ready.inputs]
    own = dict(zip(references, asked, strict=True))
    planned = {tensor.name: tensor for tensor in prepared.plan.tensors}
    dtype = (prepared.ready.recipe.dtypes or {}).get("dtype")

    def name(tensor: str, reference: str) -> Hashable | None:
        plan, model = planned.get(tensor), own.get(reference)
        if plan is None or model is None or model not in held:
            return None
        one = held[model], plan.asked[model], dtype
        if plan.vocabulary_axis is None:
            return one
        built = prepared.tokenizer.number
        if built is None or not plan.asked.keys() <= held.keys():
            return None
        others = tuple((held[other], name) for other, name in plan.asked.items())
        return one, others, plan.moved_by, built

    return name


def _where(checkpoint: Checkpoint) -> dict[str, Path]:
    return {name: header.file for name, header in checkpoint.tensors.items()}


def _files(checkpoint: Checkpoint) -> Files:
    return tuple(map(file_state, checkpoint.files()))


def _only(prepared: PreparedMerge, names: set[str]) -> ReadyMerge:
    """Return what is ready of a merge, of some of its models."""
    inputs = [one for one in prepared.ready.inputs if one.model.name in names]
    return replace(prepared.ready, inputs=inputs)


def _tensors(model: str, file: Path, names: Collection[str]) -> dict[str, torch.Tensor]:
    if is_pickled(file):
        found = pickled_tensors(model, file)
        return {name: found[name] for name in names}
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in names}
    except Exception as error:  # of safetensors and the disk
        raise InputError(f"Model {model!r}: {file} cannot be read: {error}.") from error
