"""What a process keeps from one merge to the next: files, weights, an engine."""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from lm_eval_iberian.harness.merge_arguments import MergeArguments
from lm_eval_iberian.harness.merged_model import prepared_as_asked
from mergekit_ext.inmemory import PreparedMerge, ResidentModels, merged_side_files
from mergekit_ext.inputs.checkpoints import file_state
from mergekit_ext.recipes.recipe_file import read_text


T = TypeVar("T")
# where Linux tells a process what it has taken at most, and lets it begin to count anew
_STATUS, _PEAK, _ANEW = (
    Path("/proc/self/status"),
    "VmHWM:",
    Path("/proc/self/clear_refs"),
)


@dataclass(frozen=True)
class MergeCost:
    """What the merge behind a model took.

    Args:
        seconds: From the recipe to a model that answers; next to nothing where the
            model was there.
        peak_bytes: What the process had taken at most meanwhile, mapped files that it
            shares with others included; ``None`` where the system does not say.
        device_bytes: The same on the model's device; ``None`` for the CPU.
        kept: Whether the model was there already, and nothing was merged.
    """

    seconds: float
    peak_bytes: int | None
    device_bytes: int | None
    kept: bool


@dataclass(frozen=True)
class _Files:
    """A merge that has been prepared, its files that hold no weights, its inputs."""

    key: Hashable
    merge: PreparedMerge
    side: Path
    inputs: tuple[tuple[str, Hashable], ...]


@dataclass
class _Weights:
    """The weights of the last model, by name, and which merge they are of."""

    tensors: Mapping[str, torch.Tensor]
    subject: Hashable = None


class KeptModels:
    """What a process keeps from one merge to the next.

    One merge is kept: the weights of the live model, or an engine, and the files that
    configuration and tokenizer are read from. Of a model nothing else is kept: the
    module around the weights, its buffers and settings are built anew each time, so
    that no evaluation leaves something to the next. A further merge of the same names,
    shapes and dtypes is written into the same memory; of a model that was made before
    in the same block the weights are then the new ones.

    Args:
        resident: Holds the models that merges are made of. ``None``: they are read as
            they are needed.
    """

    def __init__(self, resident: ResidentModels | None = None) -> None:
        self.resident = resident
        self._files: _Files | None = None
        self._weights: _Weights | None = None
        self._engine: tuple[Hashable, Any] | None = None
        self._measures = True
        self._merged = False
        self.costs: list[MergeCost] = []

    def prepared(self, asked: MergeArguments) -> tuple[PreparedMerge, Path]:
        """Return a merge, checked, and a folder with its files but the weights.

        Raises:
            MergeError: What ``iberian merge`` would refuse.
        """
        key = (
            read_text(asked.recipe), str(Path.cwd()),
            repr(sorted(asked.weights.items())), repr(sorted(asked.options.items())),
        )  # fmt: skip
        found = self._files
        if found and found.key == key and found.inputs == _inputs(found.merge):
            return found.merge, found.side
        self._forget_files()
        merge = prepared_as_asked(asked)
        inputs = _inputs(merge)
        place = Path(tempfile.mkdtemp(prefix="iberian-"))
        try:
            side = merged_side_files(merge, place / "merged")
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._files = _Files(key, merge, side, inputs)
        return merge, side

    def subject(self, compute: str) -> Hashable:
        """Return what tells the merge that was prepared last from all others.

        Args:
            compute: The device that it is computed on.
        """
        found = self._files
        return None if found is None else (found.key, found.inputs, compute)

    def weights_for(
        self, empty: torch.nn.Module, device: torch.device
    ) -> Mapping[str, torch.Tensor] | None:
        """Return the memory of the last model, if a model without any fits into it.

        That of another shape, and an engine, are let go: two do not fit side by side.
        """
        wanted = _shape(empty.state_dict(), device)
        if self._weights is not None:
            if _shape(self._weights.tensors) == wanted:
                return self._weights.tensors
            self.let_go()
        return None

    @contextmanager
    def filling(self, model: torch.nn.Module, subject: Hashable) -> Iterator[bool]:
        """Keep the weights of a model, which the body writes unless they are there.

        Yields:
            Whether they have to be written.
        """
        there = self._weights is not None and self._weights.subject == subject
        if there:
            yield False
            return
        # half one thing and half the other until the body has come to its end
        self._weights = _Weights(model.state_dict(keep_vars=True))
        self.note_merge()
        yield True
        self._weights.subject = subject

    def engine(self, key: Hashable, build: Callable[[], T]) -> T:
        """Return the engine of the last merge if it was built alike, or a new one.

        Args:
            key: Everything that its building depends on.
            build: Makes one.
        """
        if self._engine is None or self._engine[0] != key:
            self.let_go()
            self._engine = key, build()
        found: T = self._engine[1]
        return found

    @contextmanager
    def measured(self, device: object) -> Iterator[None]:
        """Note what the merge of the body takes, a merge for a device."""
        if not self._measures:
            yield
            return
        clock, self._merged = time.monotonic(), False
        on_device = str(device).startswith("cuda") and torch.cuda.is_available()
        with suppress(OSError):
            _ANEW.write_text("5", "ascii")
        if on_device:
            torch.cuda.reset_peak_memory_stats()
        yield
        self.costs.append(
            MergeCost(
                round(time.monotonic() - clock, 3),
                _peak(),
                torch.cuda.max_memory_allocated() if on_device else None,
                not self._merged,
            )
        )

    def note_merge(self) -> None:
        """Note that the live model or engine is given other weights."""
        self._merged = True

    def let_go(self) -> None:
        """Free the live model or engine; models that merges are made of stay."""
        self._weights = self._engine = None
        gc.collect()  # an engine is full of circles
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # of nothing, where nothing was there

    def close(self) -> None:
        """Keep nothing any more but what holds the models that merges are made of."""
        self.let_go()
        self._forget_files()

    def _forget_files(self) -> None:
        if self._files is not None:
            shutil.rmtree(self._files.side.parent, ignore_errors=True)
            self._files = None


_KEPT: ContextVar[KeptModels | None] = ContextVar("kept models", default=None)


@contextmanager
def kept_models(kept: KeptModels) -> Iterator[KeptModels]:
    """Have ``--model merged`` and ``merged-vllm`` of the body take from what is kept.

    What is kept stays so after the body, for another one; ``close`` ends that.
    """
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


@contextmanager
def kept_or_own() -> Iterator[KeptModels]:
    """Give what is kept around this, or what is kept for the body alone."""
    kept = _KEPT.get()
    if kept is not None:
        yield kept
        return
    own = KeptModels()
    own._measures = False  # that would change what others measure
    try:
        yield own
    finally:
        own.close()


def _shape(
    tensors: Mapping[str, torch.Tensor], device: torch.device | None = None
) -> dict[str, tuple[torch.Size, torch.dtype, torch.device]]:
    return {
        name: (one.shape, one.dtype, _indexed(device or one.device))
        for name, one in tensors.items()
    }


def _indexed(device: torch.device) -> torch.device:
    """Return a device with its number: cuda is cuda:0, or which is current."""
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _inputs(merge: PreparedMerge) -> tuple[tuple[str, Hashable], ...]:
    """Return how the files of each model stand."""
    found = []
    for one in merge.ready.inputs:
        states = []
        for path in sorted(one.checkpoint.folder.iterdir()):
            with suppress(OSError):
                states.append((path.name, file_state(path)))
        found.append((str(one.checkpoint.folder), tuple(states)))
    return tuple(found)


def _peak() -> int | None:
    with suppress(OSError, ValueError):
        for line in _STATUS.read_text("ascii").splitlines():
            if line.startswith(_PEAK):
                return int(line.split()[1]) << 10
    return None
