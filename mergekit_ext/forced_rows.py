"""Rows that ``tokenizer.tokens`` forces, kept whole by whatever method merges the rest.

mergekit gives every model the forced row before a method sees it. A method that adds
deltas then leaves it alone; a weighted mean rounds it, and without ``normalize`` gives
the sum of the weights times the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mergekit_ext.compat import attribute, lent, part


# of this thread's merge: what is changed in mergekit is so for all of them
_KEPT: ContextVar[bool] = ContextVar("forced rows are kept", default=False)


@contextmanager
def forced_rows_kept() -> Iterator[None]:
    """Have the merges of the body, in this thread, write forced rows as they are."""
    kind = attribute(part("merge_methods.task_adapter"), "ExecuteMergeMethodTask")
    token = _KEPT.set(True)
    try:
        with (
            lent(kind, "arguments", _with_tokenizer),
            lent(kind, "execute", _with_forced_rows),
        ):
            yield
    finally:
        _KEPT.reset(token)


def _with_tokenizer(original: Callable[..., Any]) -> Callable[..., Any]:
    """Have a tensor's task ask for the tokenizer too, where it has forced rows."""

    def arguments(self: Any) -> dict[str, Any]:
        asked: dict[str, Any] = original(self)
        if _KEPT.get() and _forced(self.gather_tensors):
            asked["tokenizer_info"] = self.gather_tensors.tokenizer_task
        return asked

    return arguments


def _with_forced_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(
        self: Any, tensors: Any, tokenizer_info: Any = None, **others: Any
    ) -> Any:
        merged = original(self, tensors=tensors, **others)
        if merged is None or tokenizer_info is None:
            return merged
        forced = _forced(self.gather_tensors)
        rows = tokenizer_info.tokenizer.convert_tokens_to_ids(forced)
        axis = self.gather_tensors.vocabulary_axis
        given = next(iter(tensors.values())).movedim(axis, 0)  # all have these rows
        merged.movedim(axis, 0)[rows] = given[rows].to(merged)
        return merged

    return execute


def _forced(task: Any) -> list[str]:
    """Return the tokens whose rows a task forces; none if it moves no rows."""
    tokens = getattr(task, "tokens", None) or {}
    return [token for token, entry in tokens.items() if entry.force]
