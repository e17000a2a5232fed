"""The tensors of a result, one after another, as mergekit would write them.

mergekit's own planner and executor do the work: the graph is the one of a merge to the
disk, with a slot in the place of the writer, so that the order, and with it what is
drawn of torch's generator, is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from mergekit_ext.compat import attribute, part
from mergekit_ext.errors import MergeError, RecipeError, word_stop
from mergekit_ext.forced_rows import forced_rows_kept
from mergekit_ext.inmemory.prepared_merge import (
    AnyRecipe,
    PreparedMerge,
    prepared_once,
)
from mergekit_ext.inmemory.resident_models import ResidentModels
from mergekit_ext.inputs.pickled_weights import opened_in_turn
from mergekit_ext.kernels.tensors import Place, computed_at
from mergekit_ext.moved_rows import rows_moved_at_once
from mergekit_ext.recipes.recipe_reader import read_recipe
from mergekit_ext.watch import reported


if TYPE_CHECKING:
    from mergekit_ext.register import MappedFiles

T = TypeVar("T")
# model, as the recipe has it -> name of a tensor in its files -> the tensor
Resident = Mapping[str, Mapping[str, torch.Tensor]]

_END: Any = object()
# bytes read between two closings of files, of which each page counts as memory
_READ = 16 << 20


def merged_tensors(
    recipe: AnyRecipe, *, resident: Resident | None = None
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every tensor of a result with its name, in mergekit's order.

    They are bit for bit what ``iberian merge`` writes. Each is computed when it is
    asked for, of files that are read lazily, so that nothing but its own inputs is in
    memory. All weights are read and checked before the first, as ``iberian merge``
    does. Other merges may run meanwhile, in this thread too. With ``random_seed``,
    methods that draw from torch's generator have one of their own, unless another
    thread draws at the same time.

    Args:
        recipe: What is merged.
        resident: Models that are in memory, and known to be finite: their files are
            not read. A tensor may be yielded as it is; it must not be changed then.
            ``ResidentModels`` hold what is missing, and need one pass over memory for
            what has been merged with other weights before.

    Raises:
        MergeError: If anything stands in the way.
    """
    yield from merged_tensors_at(prepared_once(recipe), resident, lambda _: None)


def merged_tensors_at(
    prepared: PreparedMerge, resident: Resident | None, place: Place
) -> Iterator[tuple[str, torch.Tensor]]:
    """As ``merged_tensors``, computed where they are to be in the end where possible.

    Args:
        prepared: What is merged.
        resident: Models that are in memory.
        place: Given a tensor's name, memory for its values. It may hold anything until
            that tensor is yielded, which has that memory, or memory of its own.
    """
    kept: Callable[[], AbstractContextManager[None]]
    if isinstance(resident, ResidentModels):
        lent = resident.lent(prepared)
        held, kept = lent.tensors, lent.used
    else:
        held, kept = dict(resident or {}), nullcontext
    _check_resident(prepared, held)
    prepared.merge.check_weights(prepared.ready, but=held)
    tensors = _tensors(prepared, held, lambda: (kept(), computed_at(place)))
    with _apart(tensors, prepared.merge.options) as steps:
        while (item := steps()) is not _END:
            yield item


def _tensors(
    prepared: PreparedMerge,
    resident: Resident,
    during: Callable[[], Iterable[AbstractContextManager[None]]],
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors; between two of them, this thread's mergekit is ours."""
    try:
        with ExitStack() as stack:
            for one in during():
                stack.enter_context(one)
            config, options = prepared.merge.for_mergekit(prepared.ready)
            if options.lazy_unpickle:
                stack.enter_context(opened_in_turn())
            stack.enter_context(rows_moved_at_once())
            stack.enter_context(forced_rows_kept())
            stack.enter_context(prepared.tokenizer.used())
            modules = [part(name) for name in ("graph", "tokenizer.build")]
            stack.enter_context(reported(modules, prepared.watch))
            slot, files = _Slot(), _mapped_files()
            inputs = len(prepared.ready.inputs)
            for _ in _executor(prepared, config, options, resident, slot).run(True):
                if (item := slot.take()) is not None:
                    yield item
                    files.read(item[1].nbytes * inputs)
                    del item
    except MergeError:
        raise
    except Exception as error:  # whatever mergekit, torch and safetensors raise
        raise MergeError(word_stop("mergekit", error)) from error


def _mapped_files() -> MappedFiles:
    part("merge_methods")  # before what registers with it
    from mergekit_ext.register import MappedFiles

    return MappedFiles(_READ)


def _executor(
    prepared: PreparedMerge, config: Any, options: Any, resident: Resident, slot: _Slot
) -> Any:
    """Return mergekit's executor of a merge that hands its tensors to a slot."""
    graph, merge = part("graph"), part("merge")
    cache = attribute(part("io.tasks"), "LoaderCache")()
    cache.setup(options)
    cache.loaders |= _loaders(prepared, config, resident)
    info = attribute(merge, "get_architecture_info")(config, options)
    out = attribute(merge, "_model_out_config")(
        config, info, trust_remote_code=options.trust_remote_code
    )
    planner = attribute(part("plan"), "MergePlanner")(
        config.model_copy(deep=True), info, options, out
    )
    targets = planner.plan_to_disk("")
    universe = attribute(graph, "TaskUniverse")(targets)
    writers = {
        universe.get_handle(task.writer_task)
        for task in targets
        if hasattr(task, "writer_task")
    }
    return attribute(graph, "Executor")(
        targets=[universe.add_task(task) for task in targets],
        math_device=options.device,
        storage_device=options.device if options.low_cpu_memory else "cpu",
        cached_values=dict.fromkeys(writers, slot),
    )


class _Slot:
    """Stands in for mergekit's writer, and holds one tensor at a time."""

    def __init__(self) -> None:
        self._held: tuple[str, torch.Tensor] | None = None

    def save_tensor(self, name: str, tensor: torch.Tensor, clone: bool = False) -> None:
        """Hold what would be written."""
        self._held = name, tensor.contiguous()

    def finalize(self) -> None:
        """Nothing is to be finished."""

    def take(self) -> tuple[str, torch.Tensor] | None:
        """Return what was put here since the last time."""
        held, self._held = self._held, None
        return held


class _InMemory:
    """A model that is in memory, as mergekit sees a model's files."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self.index = SimpleNamespace(tensor_paths=dict.fromkeys(tensors, ""))
        self._tensors = tensors

    def get_tensor(self, key: str, device: str = "cpu", **_: Any) -> torch.Tensor:
        """Return a tensor."""
        return self._tensors[key].to(device)

    def flush(self) -> None:
        """Nothing is open."""


def _loaders(
    prepared: PreparedMerge, config: Any, resident: Resident
) -> dict[Any, Any]:
    """Return mergekit's reference to each model that is in memory, and its tensors."""
    local = [model.name for model in read_recipe(config).models]
    asked = [one.model.name for one in prepared.ready.inputs]
    names = dict(zip(local, asked, strict=True))
    return {
        reference: _InMemory(resident[names[str(reference)]])
        for reference in config.referenced_models()
        if names[str(reference)] in resident
    }


def _check_resident(prepared: PreparedMerge, resident: Resident) -> None:
    inputs = {one.model.name: one.checkpoint for one in prepared.ready.inputs}
    for model, tensors in resident.items():
        if model not in inputs:
            raise RecipeError(
                f"Resident {model!r} is no model of {prepared.name}, which has"
                f" {', '.join(inputs)}."
            )
        for name, header in inputs[model].tensors.items():
            if name not in tensors or tuple(tensors[name].shape) != header.shape:
                found = tuple(tensors[name].shape) if name in tensors else "nothing"
                raise RecipeError(
                    f"Resident {model!r} has {found} for tensor {name!r}, of which its"
                    f" files have {header.shape}; read the model again."
                )


@contextmanager
def _apart(steps: Iterator[T], options: Any) -> Iterator[Callable[[], T]]:
    """Run a generator so that what it has changed is nobody else's while it waits.

    Its context variables, this thread's loaders of mergekit and, with a seed, torch's
    generators are its own.

    Yields:
        What returns the next item, or ``_END``.
    """
    cache = attribute(part("io.tasks"), "LoaderCache")
    context = copy_context()
    mine: dict[str, Any] = {"loaders": {}}
    seed, device = options.random_seed, torch.device(options.device)
    drawn: Any = None

    def step(do: Callable[[], Any]) -> Any:
        nonlocal drawn
        theirs = vars(cache())
        before = dict(theirs)
        theirs.clear()
        theirs.update(mine)
        devices = [device] if device.type == "cuda" else []
        try:
            if seed is None:
                return context.run(do)
            with torch.random.fork_rng(devices, device_type="cuda"):
                if drawn is None:
                    # as torch.manual_seed, which reaches every device there is
                    torch.default_generator.manual_seed(seed)
                    for one in devices:
                        torch.cuda.default_generators[one.index or 0].manual_seed(seed)
                else:
                    torch.set_rng_state(drawn[0])
                    for one in devices:
                        torch.cuda.set_rng_state(drawn[1], one)
                try:
                    return context.run(do)
                finally:
                    more = [torch.cuda.get_rng_state(one) for one in devices]
                    drawn = (torch.get_rng_state(), *more)
        finally:
            mine.clear()
            mine.update(theirs)
            theirs.clear()
            theirs.update(before)

    try:
        yield lambda: step(lambda: next(steps, _END))
    finally:
        step(steps.close)  # type: ignore[attr-defined]
