"""Make our methods known to mergekit; the only importer of its merge methods."""

from __future__ import annotations

from typing import Any

import torch
from mergekit.merge_methods import (
    GroupMergeMethod,
    InputContract,
    MergeMethodSpec,
    OptionalTensorPolicy,
    ParameterScope,
    TensorEntry,
    TensorGroup,
    register,
    registered_methods,
)
from mergekit.merge_methods.base import MISSING, BasePolicy, ParameterSpec

from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method import Method, distinct_keys
from mergekit_ext.methods.method_catalogue import METHODS
from mergekit_ext.methods.parameters import REQUIRED, Parameter


# of a merge to the disk, which holds as much of its result anyway
_LIMIT = 256 << 20
_POLICIES = {
    "required": BasePolicy.REQUIRED,
    "optional": BasePolicy.OPTIONAL,
    "ignored": BasePolicy.IGNORED,
}


class MappedFiles:
    """Counts what is read and closes mergekit's files now and then.

    mergekit keeps every file open for as long as it reads from it, and each page of it
    that was touched counts as memory: whole models, by the end. Closed and opened
    again, a file costs a header.

    Args:
        limit: How many bytes are read between two closings.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._read, self._limit = 0, limit

    def read(self, size: int) -> None:
        """Count ``size`` bytes that have been read and are not needed any more."""
        self._read += size
        if self._read >= self._limit:
            # late: mergekit is still loading when its methods are registered
            from mergekit.io.tasks import LoaderCache

            self._read = 0
            # a list, as mergekit's flush_all has none: another merge may open files
            for loader in list(LoaderCache().loaders.values()):
                loader.flush()


class FusedMethod(GroupMergeMethod):  # type: ignore[misc]
    """A method of this package, as mergekit wants to see one."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self._files = MappedFiles()
        self.spec = MergeMethodSpec(
            name=method.name,
            pretty_name=method.pretty_name,
            reference_url=method.source,
            parameters=tuple(_spec(one, method) for one in method.parameters),
            contract=_contract(method),
            optional_tensor_policy=_optional_tensors(method),
        )

    def merge_group(self, group: TensorGroup, /, **parameters: Any) -> torch.Tensor:
        """Merge one tensor's inputs."""
        base = None if self.method.base == "ignored" else group.base
        entries = group.entries if base is None else group.non_base
        per_model = [p.name for p in self.method.parameters if p.per_model]
        experts = [
            (_input(entry), {name: parameters[name][entry.id] for name in per_model})
            for entry in entries
        ]
        shared = {p: v for p, v in parameters.items() if p not in per_model}
        merged = self.method(
            None if base is None else _input(base),
            experts,
            shared,
            name=group.metadata.name,
            keys=distinct_keys(entry.id for entry in entries),
        )
        self._files.read(sum(entry.tensor.nbytes for entry in group.entries))
        return merged


def register_all() -> tuple[str, ...]:
    """Register our methods; a name that is taken is left to its owner.

    Returns:
        The names that were free.
    """
    taken = {method.spec.name for method in registered_methods()}
    free = [method for method in METHODS if method.name not in taken]
    for method in free:
        register(FusedMethod(method))
    return tuple(method.name for method in free)


def method_names() -> list[str]:
    """Return every merge method that mergekit knows now."""
    return sorted(method.spec.name for method in registered_methods())


def parameter_names(name: str) -> set[str]:
    """Return what a recipe may set for a method that mergekit knows, whosever it is."""
    return {
        parameter.name
        for method in registered_methods()
        if method.spec.name == name
        for parameter in method.spec.parameters
    }


def our_method(name: str) -> Method | None:
    """Return the method that mergekit has under a name, if it is one of ours."""
    for method in registered_methods():
        if method.spec.name == name and isinstance(method, FusedMethod):
            return method.method
    return None


def our_parameters(name: str) -> tuple[Parameter, ...] | None:
    """Return what a recipe may set for a method, or ``None`` if it is not ours."""
    found = our_method(name)
    return None if found is None else found.parameters


def _input(entry: TensorEntry) -> Input:
    return Input(entry.tensor, str(entry.id))


def _contract(method: Method) -> InputContract:
    policy = _POLICIES[method.base]
    if method.exactly is None:
        return InputContract(base=policy)
    if method.base == "optional":
        return InputContract(
            base=policy, min_non_base=method.exactly, max_non_base=method.exactly
        )
    count = method.exactly + (method.base == "required")
    return InputContract(base=policy, min_inputs=count, max_inputs=count)


def _optional_tensors(method: Method) -> OptionalTensorPolicy:
    # as mergekit's nearswap: what only the base has is copied
    if method.exactly is not None and method.base == "required":
        return OptionalTensorPolicy.PASSTHROUGH_BASE_SINGLETON
    return OptionalTensorPolicy.ERROR


def _spec(parameter: Parameter, method: Method) -> ParameterSpec:
    scope = ParameterScope.SHARED
    if parameter.per_model:
        ignored = method.base == "ignored"
        scope = ParameterScope.INPUT if ignored else ParameterScope.NON_BASE
    return ParameterSpec(
        parameter.name,
        # what has no value of its own is left to the method
        parameter.type if parameter.default is not None else parameter.type | None,
        scope,
        default=MISSING if parameter.default is REQUIRED else parameter.default,
    )
