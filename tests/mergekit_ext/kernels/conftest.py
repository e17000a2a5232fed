"""What the tests of the kernels share: the backends that every CPU has."""

from __future__ import annotations

from typing import Any

import pytest

from mergekit_ext.kernels import backends
from mergekit_ext.kernels.backends import Backend


# a kernel is compiled for every kind of merge
BACKENDS = ["torch", pytest.param("numba", marks=pytest.mark.slow)]
NO_NUMBA = "NO NUMBA: the compiled backend is not tested"


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend for CPUs, with one thread."""
    if request.param == "torch":
        return backends.TORCH
    pytest.importorskip("numba", reason=NO_NUMBA)
    return backends.numba_backend(threads=1)


@pytest.fixture(params=BACKENDS)
def passes(request: pytest.FixtureRequest) -> Any:
    """The passes of each backend for CPUs."""
    if request.param == "torch":
        from mergekit_ext.kernels.torch_passes import TorchPasses

        return TorchPasses
    pytest.importorskip("numba", reason=NO_NUMBA)
    from mergekit_ext.kernels.compiled.numba_passes import NumbaPasses

    return NumbaPasses
