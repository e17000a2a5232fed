"""A vLLM engine whose weights are a merge: built once, filled as often as need be.

All that this project knows of vLLM is here; it was made for ``MADE_FOR``.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from lm_eval_iberian.errors import IberianError
from mergekit_ext.errors import InputError, MergeError, word_stop
from mergekit_ext.inmemory import (
    PreparedMerge,
    check_memory,
    merged_tensors,
    weights_in_files,
)
from mergekit_ext.inmemory.tensor_stream import Resident


MADE_FOR = "0.32.0"
_PROCESSES = "VLLM_ENABLE_V1_MULTIPROCESSING"
_SHOWN = 3
# side files that say what was merged, which no engine reads
_OF_RECIPE = {"README.md", "mergekit_config.yml"}
Tensors = Iterable[tuple[str, torch.Tensor]]


class VLLMChangedError(IberianError, AttributeError):
    """The installed vLLM lacks something, or takes it in another way."""


@dataclass(frozen=True)
class VLLMPart:
    """Something of vLLM's that is called here.

    Args:
        owner: ``module`` or ``module:Class``.
        name: The attribute.
        parameters: What is handed over by name.
    """

    owner: str
    name: str
    parameters: tuple[str, ...] = ()

    def check(self) -> None:
        """Look for it in the installed vLLM.

        Raises:
            VLLMChangedError: It is not there, or does not take what is handed over.
        """
        module, _, kind = self.owner.partition(":")
        what = f"{self.owner.replace(':', '.')}.{self.name}"
        try:
            owner = importlib.import_module(module)
            found: Any = getattr(getattr(owner, kind) if kind else owner, self.name)
        except (ImportError, AttributeError):
            raise VLLMChangedError(_changed(what, "is not there")) from None
        taken = inspect.signature(found).parameters if self.parameters else {}
        for name in self.parameters:
            if name not in taken:
                raise VLLMChangedError(_changed(what, f"takes no {name}"))


# which of the two it is, vLLM decides by platform and model
_RUNNERS = (
    "vllm.v1.worker.gpu_model_runner:GPUModelRunner",
    "vllm.v1.worker.gpu.model_runner:GPUModelRunner",
)
_TAKEN = ("weights_iterator", "is_checkpoint_format")
VLLM_PARTS = (
    *(VLLMPart(runner, "reload_weights", _TAKEN) for runner in _RUNNERS),
    *(VLLMPart(runner, "get_model") for runner in _RUNNERS),
    VLLMPart("vllm:LLM", "collective_rpc", ("method", "kwargs")),
    VLLMPart("vllm:LLM", "reset_prefix_cache"),
    VLLMPart("vllm.platforms", "current_platform"),
    VLLMPart("vllm.envs", "disable_envs_cache"),
    VLLMPart("vllm.envs", "enable_envs_cache"),
    VLLMPart("lm_eval.models.vllm_causallms", "LLM"),
    VLLMPart("lm_eval.models.vllm_causallms:VLLM", "_model_generate"),
)


def check_vllm() -> None:
    """Check that vLLM takes weights as they are given to it here.

    Raises:
        VLLMChangedError: Saying what is missing.
    """
    for part in VLLM_PARTS:
        part.check()


def _changed(what: str, how: str) -> str:
    return (
        f"{what}, by which --model merged-vllm hands a merge to vLLM, {how} in vLLM"
        f" {version('vllm')}; it was made for {MADE_FOR}: install that, or merge to a"
        " folder with `iberian merge`, and use --model vllm"
    )


def engine_device() -> str:
    """Return the type of device that an engine is on."""
    from vllm.platforms import current_platform

    return str(current_platform.device_type)


def in_one_process(arguments: Mapping[str, Any]) -> bool:
    """Whether the engine of these arguments is to run in this very process."""
    parallel = ("tensor_parallel_size", "pipeline_parallel_size")
    return (
        all(int(arguments.get(name) or 1) == 1 for name in parallel)
        and arguments.get("distributed_executor_backend") != "mp"
        and os.environ.get(_PROCESSES, "0") == "0"
    )


class MergeReceiver:
    """What vLLM adds to each of its workers, by its argument ``worker_extension_cls``.

    A worker is a process of its own, or none.
    """

    def receive_merge(
        self, tensors: Tensors | None = None, folder: str = ""
    ) -> list[str] | None:
        """Put new weights in the place of this worker's.

        Args:
            tensors: Names, as files have them, and weights.
            folder: Where the files of weights are, in the place of ``tensors``.

        Returns:
            Which of its parameters got nothing; ``None`` where this model of vLLM does
            not tell what it has read.
        """
        worker: Any = self
        model = worker.model_runner.get_model()
        read: list[set[str] | None] = []
        load = model.load_weights

        def load_and_tell(weights: Tensors) -> set[str] | None:
            read.append(load(weights))
            return read[-1]

        model.load_weights = load_and_tell
        try:
            worker.reload_weights(
                weights_iterator=iter(tensors or _in_files(Path(folder))),
                is_checkpoint_format=True,
            )
        finally:
            del model.load_weights
        for module in _tied(model):
            # what it has made of its weights before: on a CPU, a packed copy
            module.quant_method.process_weights_after_loading(module)
        if not read or any(names is None for names in read):
            return None
        known = {name for names in read for name in names or ()}
        return [name for name, _ in model.named_parameters() if name not in known]


class VLLMEngine:
    """An engine of vLLM, empty until it is filled with a merge, and then another.

    In one process, tensors go straight into the parameters that are there. With
    several, each reads them from a folder that is there meanwhile.

    Args:
        arguments: What ``vllm.LLM`` takes; ``model`` is a folder with all of a model
            but its weights, and may be gone afterwards.

    Attributes:
        llm: vLLM's own.
        key: Equal for engines of which one may be filled in the place of another.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        from vllm import LLM

        self.key = engine_key(arguments)
        self._alone = in_one_process(arguments)
        self._merge: PreparedMerge | None = None
        given = dict(arguments) | {
            "load_format": "dummy",
            "worker_extension_cls": f"{__name__}.{MergeReceiver.__name__}",
        }
        with ExitStack() as stack:
            if self._alone:
                stack.enter_context(_one_process())
                stack.enter_context(_generators_kept())
            self.llm = LLM(**given)
            self._new = self._drawn = _generators()

    def fill(self, merge: PreparedMerge, *, resident: Resident | None = None) -> None:
        """Put a merge in the place of what the engine has, and forget what that left.

        Afterwards it answers as an engine that has just loaded the merge from files.
        After an error it answers nothing any more, until it is filled again.

        Args:
            merge: What is merged; its side files are those of the engine's folder.
            resident: Models that are in memory; see ``merged_tensors``.

        Raises:
            InputError: If a parameter of the engine's got nothing.
            MergeError: If anything else stands in the way.
        """
        self._merge = None
        missing: list[list[str] | None]
        try:
            if self._alone:
                check_memory(merge)
                sent: set[str] = set()
                tensors = _noted(merged_tensors(merge, resident=resident), sent)
                missing = self._receive(tensors=tensors)
                # a fused parameter is known to vLLM once one part of it is
                planned = {tensor.name for tensor in merge.plan.tensors}
                missing.append(sorted(planned - sent))
            else:
                with weights_in_files(merge, resident=resident) as folder:
                    missing = self._receive(folder=str(folder))
        except MergeError:
            raise
        except Exception as error:  # whatever vLLM raises of a model it does not take
            raise MergeError(word_stop("vLLM", error)) from error
        _check_filled(merge, missing)
        if not self.llm.reset_prefix_cache():
            raise MergeError(
                f"vLLM is still answering, so {merge.name} cannot take the place of"
                " what it answers with; wait for its answers."
            )
        self._merge, self._drawn = merge, self._new

    def has(self, merge: PreparedMerge) -> bool:
        """Whether it is filled with a merge; it then answers as if it had just been.

        Of several processes none can be brought back to its beginning.
        """
        if self._merge is not merge or not self._alone:
            return False
        if not self.llm.reset_prefix_cache():
            return False
        self._drawn = self._new
        return True

    @contextmanager
    def answering(self, merge: PreparedMerge) -> Iterator[None]:
        """Have the engine answer for a merge, and draw from generators of its own.

        Raises:
            MergeError: If it is not filled with that merge.
        """
        if self._merge is not merge:
            there = "nothing" if self._merge is None else self._merge.name
            raise MergeError(
                f"The engine of vLLM that was filled with {merge.name} has been given"
                f" {there} since; fill it again."
            )
        if not self._alone:
            yield
            return
        with _generators_kept():
            _set_generators(self._drawn)
            try:
                yield
            finally:
                self._drawn = _generators()

    def _receive(self, **given: Any) -> list[list[str] | None]:
        found: list[list[str] | None] = self.llm.collective_rpc(
            MergeReceiver.receive_merge.__name__, kwargs=given
        )
        return found


def engine_key(arguments: Mapping[str, Any]) -> str:
    """Return what is equal for two engines that differ in nothing but weights."""
    found = hashlib.sha256()
    folder = Path(arguments["model"])
    others = {k: v for k, v in arguments.items() if v != arguments["model"]}
    found.update(repr(sorted(others.items())).encode())
    for file in sorted(folder.iterdir()):
        if file.name not in _OF_RECIPE:
            found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def _check_filled(merge: PreparedMerge, missing: list[list[str] | None]) -> None:
    if None in missing:
        raise InputError(
            f"vLLM does not tell which weights of {merge.name} it has read, for models"
            " of this architecture; merge it to a folder with `iberian merge`, and use"
            " --model vllm."
        )
    names = sorted({name for worker in missing for name in worker or ()})
    if names:
        more = f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)
        raise InputError(
            f"{merge.name} gives nothing to {', '.join(names[:_SHOWN])}{more} of the"
            " model that vLLM has built from its configuration; merge it to a folder"
            " with `iberian merge`, and use --model vllm."
        )


def _noted(tensors: Tensors, names: set[str]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, tensor in tensors:
        names.add(name)
        yield name, tensor


def _in_files(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 (it is no mapping)
                yield name, file.get_tensor(name)


def _tied(model: torch.nn.Module) -> list[Any]:
    """Return the modules of which a parameter is another's as well."""
    owner: dict[int, torch.nn.Module] = {}
    found = []
    for module in model.modules():
        for tensor in module.parameters(recurse=False):
            if owner.setdefault(id(tensor), module) is not module:
                found.append(module)
    return found


@contextmanager
def _one_process() -> Iterator[None]:
    """Have vLLM build its engine in this process; nobody else is told to."""
    from vllm import envs

    before = os.environ.get(_PROCESSES)
    envs.disable_envs_cache()
    os.environ[_PROCESSES] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PROCESSES]
        # an engine has vLLM read its environment once and for all
        envs.disable_envs_cache()
        envs.enable_envs_cache()


def _generators() -> tuple[Any, ...]:
    begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cuda = torch.cuda.get_rng_state_all() if begun else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def _set_generators(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    for index, state in enumerate(states[3]):
        torch.cuda.set_rng_state(state, index)


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Leave the generators of this process as they are: vLLM seeds them all."""
    before = _generators()
    try:
        yield
    finally:
        _set_generators(before)
