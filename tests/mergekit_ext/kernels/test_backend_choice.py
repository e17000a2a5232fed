"""Who computes: the fastest backend that can do a merge."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
import torch
from made_merges import BF16, F16, F32, F64

from mergekit_ext.kernels import backends
from mergekit_ext.kernels.backends import WORTH_COMPILING, Backend, pick
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, Term


SIDE = 1 << 10


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that hides a package."""
    found = importlib.util.find_spec

    def hide(package: str) -> None:
        def find(name: str) -> Any:
            return None if name == package else found(name)

        monkeypatch.setattr(backends, "find_spec", find)
        backends._installed.cache_clear()

    yield hide
    backends._installed.cache_clear()


def what(*tensors: torch.Tensor) -> Merge:
    base, *experts = (Input(tensor, f"m{k}") for k, tensor in enumerate(tensors))
    return Merge("w", base, tuple(Term(expert, 1.0) for expert in experts))


def square(dtype: torch.dtype = BF16) -> torch.Tensor:
    return torch.zeros(SIDE, SIDE, dtype=dtype)


def test_the_size_that_is_worth_it() -> None:
    assert SIDE * SIDE == WORTH_COMPILING


@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_large_tensors_are_for_the_compiled_one(dtype: torch.dtype) -> None:
    pytest.importorskip("numba", reason="NO NUMBA: it is never picked")
    assert pick(what(*[square(dtype)] * 3)).name == "numba"
    assert (
        pick(Merge("w", None, (Term(Input(square(dtype), "e"), 1.0),))).name == "numba"
    )


LEFT_TO_TORCH: dict[str, Callable[[], list[torch.Tensor]]] = {
    "too small": lambda: [square().view(-1)[1:]] * 2,
    "a strided base": lambda: [square().t(), square()],
    "a strided expert": lambda: [square(), square(), square().t()],
    "an expanded expert": lambda: [square(), square()[:1].expand(SIDE, SIDE)],
    "double precision": lambda: [square(F64)] * 2,
    "a double expert": lambda: [square(), square(F64)],
    "another dtype": lambda: [square(BF16), square(F32)],
    "the other half precision": lambda: [square(BF16), square(F16)],
}


@pytest.mark.parametrize("kind", LEFT_TO_TORCH)
def test_what_is_left_to_plain_torch(kind: str) -> None:
    assert pick(what(*LEFT_TO_TORCH[kind]())) is backends.TORCH


def test_without_numba_it_is_plain_torch(without: Any) -> None:
    without("numba")
    assert pick(what(square(), square())) is backends.TORCH


def test_whether_a_package_is_there_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(backends, "find_spec", asked.append)
    backends._installed.cache_clear()
    for _ in range(3):
        pick(what(square(), square()))
    backends._installed.cache_clear()
    assert asked == ["numba"]


@pytest.mark.slow
def test_small_merges_import_no_compiler(root: Any) -> None:
    import subprocess
    import sys

    code = (
        "import sys, torch\n"
        "from mergekit_ext.methods.method_catalogue import METHODS\n"
        "from mergekit_ext.kernels.tensors import Input\n"
        "from mergekit_ext.methods.breadcrumbs import BREADCRUMBS\n"
        "one = Input(torch.ones(9), 'm')\n"
        "BREADCRUMBS(one, [(one, {'weight': 1, 'density': 0.5})])\n"
        "assert not {'numba', 'triton'} & set(sys.modules), 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


class Asked(Exception):  # noqa: N818
    """Raised instead of a choice."""


def test_the_choice_sees_every_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look(merge: Merge) -> Backend:
        seen.append(len(merge.inputs))
        raise Asked

    monkeypatch.setattr(backends, "pick", look)
    base, other = Input(torch.ones(2), "b"), Input(torch.ones(2), "o")
    with pytest.raises(Asked):
        backends.nearswap("w", base, other, 0.1)
    with pytest.raises(Asked):
        backends.merge_terms(Merge("w", base, (Term(other, 1.0), Term(other, 1.0))))
    assert seen == [2, 3]


@pytest.mark.slow
def test_the_number_of_threads_is_that_of_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("numba", reason="NO NUMBA: it has no threads")
    seen: list[int] = []
    real = backends.Blockwise

    def spy(merge: Merge, passes: Any, threads: int) -> Any:
        seen.append(threads)
        return real(merge, passes, threads)

    monkeypatch.setattr(backends, "Blockwise", spy)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    small = what(torch.ones(9), torch.ones(9))
    backends.numba_backend().merge(small)
    backends.numba_backend(5).merge(small)
    backends.TORCH.merge(small)
    assert seen == [3, 5, 1]
