"""Who computes our merges: one backend at a time, or the reference in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final
from unittest import mock

import torch
from merge_cases import TENSOR, Case, model_names

from mergekit_ext.kernels import merge, reference
from mergekit_ext.kernels.backends import TORCH, Backend, numba_backend
from mergekit_ext.kernels.inputs import Input
from mergekit_ext.kernels.terms import Merge
from mergekit_ext.methods.method_catalogue import METHODS


NAMES: Final = ("numba", "torch")
REFERENCE: Final = Backend(
    "reference",
    lambda what: (reference.merge(what), False),
    lambda what: [reference.ratio(what, term) for term in what.terms],
    lambda base, other, t: (reference.nearswap(base, other, t), False),
)


def available() -> list[str]:
    """Return the names of the backends that can be had here, the compiled one first."""
    return [name for name in NAMES if name != "numba" or find_spec("numba")]


def named(name: str) -> Backend:
    return numba_backend() if name == "numba" else TORCH


def registered() -> list[str]:
    """Return our names of the methods that there are."""
    return [method.name for method in METHODS]


@contextmanager
def forced(backend: Backend) -> Iterator[None]:
    """Let every merge inside be computed by a backend.

    Raises:
        RuntimeError: If no merge asked who is to compute it: then none was measured.
    """
    asked = 0

    def pick(what: Merge) -> Backend:
        nonlocal asked
        asked += 1
        return backend

    with mock.patch.object(merge, "pick", pick):
        yield
    if not asked:
        raise RuntimeError(f"Nothing inside was computed by {backend.name}.")


def directly(
    case: Case, tensors: Sequence[torch.Tensor], backend: Backend
) -> torch.Tensor:
    """Return the merge of base and experts by one of our methods, without mergekit."""
    taken = case.taken(tensors)
    names, values = model_names(len(taken)), case.values(len(taken))
    inputs = [Input(*pair) for pair in zip(taken, names, strict=True)]
    experts = [
        (one, {name: given[one.model] for name, given in values.items()})
        for one in inputs[1 if case.base else 0 :]
    ]
    method = next(method for method in METHODS if method.name == case.ours)
    with forced(backend):
        return method(
            inputs[0] if case.base else None, experts, case.shared, name=TENSOR
        )
