"""How a merge tells what it is doing, to whoever watches."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from mergekit_ext.compat import lent


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


# who watches the merge of this thread; the innermost, where one is within another
_WATCHING: ContextVar[Watch | None] = ContextVar("watching", default=None)


@contextmanager
def reported(modules: Sequence[ModuleType], watch: Watch) -> Iterator[None]:
    """Report what mergekit does in this thread to ``watch``, in the place of its bars.

    mergekit has no interface for that. It runs its tasks in a loop over
    ``tqdm.tqdm(…)``, which it finds under the name ``tqdm`` in its modules; that name
    is lent to us for the time of a merge. Where it is missing, a merge runs without
    progress. Merges may be one within another, and at the same time in several threads.

    Args:
        modules: Those of mergekit's that show bars.
        watch: Told of the tensors.
    """
    with ExitStack() as stack:
        for module in modules:
            if hasattr(module, "tqdm"):
                stack.enter_context(lent(module, "tqdm", _Bars))
        token = _WATCHING.set(watch)
        try:
            yield
        finally:
            _WATCHING.reset(token)


class _Bars:
    """Stands in for the module ``tqdm``."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def tqdm(self, iterable: Any = (), *args: Any, **options: Any) -> Iterable[Any]:
        """Pass on what mergekit runs through, and report the tensors among it."""
        watch = _WATCHING.get()
        if watch is None:  # another thread's, which nobody watches
            bar: Iterable[Any] = self._original.tqdm(iterable, *args, **options)
            return bar
        return _heard(list(iterable), watch)


def _heard(steps: Sequence[Any], watch: Watch) -> Iterator[Any]:
    kinds = [_kind(step) for step in steps]
    total = kinds.count("SaveTensor")
    if total:
        watch.phase("merging", total, "tensors")
    for step, kind in zip(steps, kinds, strict=True):
        if kind == "FinalizeModel":
            watch.phase("writing")
        yield step
        if kind == "SaveTensor":
            watch.advance(1)


def _kind(step: Any) -> str:
    """Return the name of the task's class, of a step as the executor numbers them."""
    if not (isinstance(step, tuple) and len(step) == 2 and hasattr(step[1], "task")):
        return ""
    return type(step[1].task()).__name__
