"""How a merge tells what it is doing, to whoever watches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Watch:
    """Hears how a merge goes; this one only passes notes on to the log.

    ``advance`` is called from several threads.
    """

    def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Begin a phase.

        Args:
            name: What is done now.
            total: How much of it there is, if that is known.
            unit: ``"bytes"``, ``"tensors"`` or ``"files"``.
        """

    def advance(self, count: int, done: str = "") -> None:
        """Hear that so much more of the phase is done.

        Args:
            count: How much, in the unit of the phase.
            done: What was finished with it, if anything was.
        """

    def note(self, sentence: str) -> None:
        """Hear what the user should know and what is no error."""
        logging.getLogger("mergekit_ext").warning(sentence)


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
