"""Hear of every tensor that mergekit has merged.

mergekit has no interface for that. It runs its tasks in a loop over ``tqdm.tqdm(…)``,
which it finds under the name ``tqdm`` in its modules; that name is lent to us for the
time of a merge. Where it is missing, a merge runs without progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from mergekit_ext.watch import Watch


class _Bars:
    """Stands in for the module ``tqdm``."""

    def __init__(self, watch: Watch, kind: Callable[[Any], str]) -> None:
        self._watch, self._kind = watch, kind

    def tqdm(self, iterable: Any = (), *args: Any, **options: Any) -> Iterator[Any]:
        """Pass on what mergekit runs through, and report the tensors among it."""
        steps = list(iterable)
        kinds = [self._kind(step) for step in steps]
        total = kinds.count("SaveTensor")
        if total:
            self._watch.phase("merging", total, "tensors")
        for step, kind in zip(steps, kinds, strict=True):
            if kind == "FinalizeModel":
                self._watch.phase("writing")
            yield step
            if kind == "SaveTensor":
                self._watch.advance(1)


@contextmanager
def reported(modules: Sequence[ModuleType], watch: Watch) -> Iterator[None]:
    """Report what mergekit does to ``watch``, in the place of its own bars.

    Args:
        modules: Those of mergekit's that show bars.
        watch: Told of the tensors.
    """
    bars = _Bars(watch, _kind)
    before = [(module, module.tqdm) for module in modules if hasattr(module, "tqdm")]
    for module, _ in before:
        module.tqdm = bars  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, original in before:
            module.tqdm = original  # type: ignore[attr-defined]


def _kind(step: Any) -> str:
    """Return the name of the task's class, of a step as the executor numbers them."""
    if not (isinstance(step, tuple) and len(step) == 2 and hasattr(step[1], "task")):
        return ""
    return type(step[1].task()).__name__
