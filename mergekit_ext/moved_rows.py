"""Rows of embeddings, moved to the vocabulary of a result: all at once, the same bits.

mergekit moves them one by one, in Python, for every tensor of every merge. Here it is
worked out once where each row comes from, and tensors are moved whole, or stay where
they are if no row moves. What is unusual, and all of a mergekit whose own move is not
the one that this was made for, is left to mergekit.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch

from mergekit_ext.compat import attribute, lent, part
from mergekit_ext.dtypes import DTYPES
from mergekit_ext.row_moves import RowMove, find_move


# the source text of mergekit's task, as it was in 0.1.5
_KNOWN = frozenset(["dc2f0f8b4273505199943fb2985e092a7e4c77735584c30bb057c6b4e562b67f"])
_TAKEN = frozenset(getattr(torch, name) for name in DTYPES)
# of this thread's merge: what is changed in mergekit is so for all of them
_AT_ONCE: ContextVar[bool] = ContextVar("rows are moved at once", default=False)


@contextmanager
def rows_moved_at_once() -> Iterator[None]:
    """Have the merges of the body, in this thread, move the rows of a tensor at once.

    A tensor whose rows all stay is handed on as it is, not as a copy.
    """
    kind = attribute(part("tokenizer"), "PermutedVocabulary")
    token = _AT_ONCE.set(_is_known(kind))
    try:
        with lent(kind, "execute", _moved):
            yield
    finally:
        _AT_ONCE.reset(token)


class KeptRows:
    """Tensors of which a few rows were moved, kept from merge to merge.

    Args:
        twin: Given a tensor that stays as it is, returns one that is the same and may
            be changed, and costs as much memory as is changed of it; ``None`` where
            there is none such.
    """

    def __init__(self, twin: Callable[[torch.Tensor], torch.Tensor | None]) -> None:
        self._twin = twin
        # what is kept -> it, and the tensors it was made of, whose place is theirs
        self._found: dict[Hashable, tuple[torch.Tensor, object]] = {}
        self._making = threading.Lock()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have the merges of the body, in this thread, take and leave what is here."""
        token = _KEPT.set(self)
        try:
            yield
        finally:
            _KEPT.reset(token)

    def get(
        self,
        key: Hashable,
        view: torch.Tensor,
        views: Collection[torch.Tensor],
        write: Callable[[torch.Tensor], None],
    ) -> torch.Tensor | None:
        """Return a tensor with some rows written; ``None`` if it has no twin.

        Args:
            key: What all but the tensors is.
            view: The tensor.
            views: All that its rows are of.
            write: Writes the rows.
        """
        whole = key, *((one.data_ptr(), one.shape, one.dtype) for one in views)
        with self._making:
            if whole not in self._found:
                if (twin := self._twin(view)) is None:
                    return None
                write(twin)
                self._found[whole] = twin, tuple(views)
            return self._found[whole][0]


_KEPT: ContextVar[KeptRows | None] = ContextVar("kept rows", default=None)


@cache
def _is_known(kind: Any) -> bool:
    try:
        source = inspect.getsource(kind)
    except OSError:  # it came without its text
        return False
    return hashlib.sha256(source.encode()).hexdigest() in _KNOWN


def _moved(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(self: Any, tokenizer_info: Any, tensors: Any) -> Any:
        axis = self.vocabulary_axis
        if _AT_ONCE.get() and _is_usual(tensors, axis):
            views = {model: one.movedim(axis, 0) for model, one in tensors.items()}
            move = _move_of(self, tokenizer_info, views)
            if move is not None:
                kept = _KEPT.get()
                keep = None if kept is None else kept.get
                found = move.apply(views, may_stay=axis == 0, keep=keep)
                return {model: one.movedim(0, axis) for model, one in found.items()}
        return original(self, tokenizer_info=tokenizer_info, tensors=tensors)

    return execute


def _is_usual(tensors: Mapping[Any, torch.Tensor], axis: int) -> bool:
    given = list(tensors.values())
    return (
        bool(given)
        and all(one.dtype in _TAKEN and 0 <= axis < one.dim() for one in given)
        and len({one.device for one in given}) == 1
        and len({(*one.shape[:axis], *one.shape[axis + 1 :]) for one in given}) == 1
    )


# tokenizer of a result -> what asks for its rows -> where they come from, if it is
# known; as long as there is that tokenizer
_MOVES: WeakKeyDictionary[Any, dict[Hashable, RowMove | None]] = WeakKeyDictionary()


def _move_of(task: Any, info: Any, views: Mapping[Any, torch.Tensor]) -> RowMove | None:
    """Return where rows come from; ``None`` where mergekit is to say it."""
    known = _MOVES.setdefault(info.tokenizer, {})
    rows = tuple((model, len(view)) for model, view in views.items())
    device = next(iter(views.values())).device
    tokens = frozenset((task.tokens or {}).items())
    asked = tokens, task.pad_to_multiple_of, task.base_model, rows, device
    if asked not in known:
        known[asked] = find_move(task, info, dict(rows), device)
    return known[asked]
