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
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch

from mergekit_ext.compat import attribute, lent, part
from mergekit_ext.dtypes import DTYPES


# the source text of mergekit's task, as it was in 0.1.5
_KNOWN = frozenset(["dc2f0f8b4273505199943fb2985e092a7e4c77735584c30bb057c6b4e562b67f"])
# of so many rows one may be given before it is no saving not to copy all
_FEW = 64
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
                found = move.apply(views, may_stay=axis == 0)
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


@dataclass(frozen=True)
class _Given:
    """Rows that models get of others; they are made once for all of them.

    Args:
        places: Model -> which of them it gives, and the numbers of its rows.
        averaged: The same for those that are averages, with how many have each.
        count: How many there are.
    """

    places: Mapping[Any, tuple[torch.Tensor, torch.Tensor]]
    averaged: Mapping[int, Mapping[Any, tuple[torch.Tensor, torch.Tensor]]]
    count: int

    def made(
        self, views: Mapping[Any, torch.Tensor], dtype: torch.dtype
    ) -> torch.Tensor:
        """Return the rows."""
        first = next(iter(views.values()))
        rows = torch.zeros(
            (self.count, *first.shape[1:]), dtype=dtype, device=first.device
        )
        for model, (places, numbers) in self.places.items():
            rows[places] = views[model][numbers].to(dtype)
        for divisor, summands in self.averaged.items():
            for model, (places, numbers) in summands.items():
                rows[places] = rows[places] + views[model][numbers]
            every = torch.zeros(self.count, dtype=torch.bool, device=rows.device)
            every[torch.cat([places for places, _ in summands.values()])] = True
            rows[every] = rows[every] / divisor
        return rows


@dataclass(frozen=True)
class _Own:
    """What becomes of one model's rows.

    Args:
        numbers: Of each row of the result, that of the model's; ``None`` where each has
            the same. Those that are given have any.
        places: The rows of the result that are given.
        given: Which these are.
    """

    numbers: torch.Tensor | None
    places: torch.Tensor
    given: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Move:
    """Where the rows of a result come from.

    Args:
        tokens: How many rows are of tokens.
        size: How many there are.
        given: Those that are not each model's own.
        own: Model -> what becomes of its rows.
    """

    tokens: int
    size: int
    given: _Given
    own: Mapping[Any, _Own]

    def apply(
        self, views: Mapping[Any, torch.Tensor], *, may_stay: bool
    ) -> dict[Any, torch.Tensor]:
        """Return each model's tensor, moved.

        Args:
            views: Model -> its tensor, rows first.
            may_stay: Whether a tensor may be returned as it is.
        """
        dtype = next(iter(views.values())).dtype
        for view in views.values():
            dtype = torch.promote_types(dtype, view.dtype)
        given = self.given.made(views, dtype)
        found = {}
        for model, view in views.items():
            stays = may_stay and self._stay(view, model)
            one = self._stayed(model, views, given) if stays else None
            found[model] = (
                self._one(view, self.own[model], given) if one is None else one
            )
        return found

    def _stay(self, view: torch.Tensor, model: Any) -> bool:
        """Whether rows stay but for those that are given, and lie as they would."""
        same = self.own[model].numbers is None and self.size == self.tokens
        return same and view.is_contiguous()

    def _stayed(
        self, model: Any, views: Mapping[Any, torch.Tensor], given: torch.Tensor
    ) -> torch.Tensor | None:
        """Return a tensor that need not be copied; ``None`` if it must be."""
        own, view = self.own[model], views[model]
        if not len(own.places):
            return view[: self.tokens].to(given.dtype)
        kept, few = _KEPT.get(), len(own.places) * _FEW <= self.tokens
        if kept is None or not few or view.dtype != given.dtype:
            return None

        def write(twin: torch.Tensor) -> None:
            twin[own.places] = given[own.given]

        twin = kept.get((self, model), view, views.values(), write)
        return None if twin is None else twin[: self.tokens]

    def _one(self, view: torch.Tensor, own: _Own, given: torch.Tensor) -> torch.Tensor:
        shape = (self.size, *view.shape[1:])
        moved = torch.empty(shape, dtype=given.dtype, device=view.device)
        tokens = moved[: self.tokens]
        if own.numbers is None:
            tokens.copy_(view[: self.tokens])
        elif view.dtype == moved.dtype:
            torch.index_select(view, 0, own.numbers, out=tokens)
        else:
            tokens.copy_(view.index_select(0, own.numbers))
        tokens[own.places] = given[own.given]
        if self.size > self.tokens:
            moved[self.tokens :] = torch.mean(tokens, dim=0)
        return moved


# tokenizer of a result -> what asks for its rows -> where they come from, if it is
# known; as long as there is that tokenizer
_MOVES: WeakKeyDictionary[Any, dict[Hashable, _Move | None]] = WeakKeyDictionary()


def _move_of(task: Any, info: Any, views: Mapping[Any, torch.Tensor]) -> _Move | None:
    """Return where rows come from; ``None`` where mergekit is to say it."""
    known = _MOVES.setdefault(info.tokenizer, {})
    rows = tuple((model, len(view)) for model, view in views.items())
    device = next(iter(views.values())).device
    tokens = frozenset((task.tokens or {}).items())
    asked = tokens, task.pad_to_multiple_of, task.base_model, rows, device
    if asked not in known:
        known[asked] = _found_move(task, info, dict(rows), device)
    return known[asked]


def _found_move(
    task: Any, info: Any, rows: Mapping[Any, int], device: torch.device
) -> _Move | None:
    vocabulary = sorted(info.tokenizer.get_vocab().items(), key=lambda one: one[1])
    count = len(vocabulary)
    ids = range(count)
    permutations = {model: info.permutations[model] for model in rows}
    if [number for _, number in vocabulary] != list(ids) or any(
        len(one) != count or not one.keys() >= set(ids) for one in permutations.values()
    ):
        return None
    numbers = {m: torch.tensor([p[i] for i in ids]) for m, p in permutations.items()}
    if any(int(one.max()) >= rows[model] for model, one in numbers.items()):
        return None
    entries = dict(task.tokens or {})
    averaged = task.assign_embedding_sources(
        permutations, list(rows), info.tokenizer.get_vocab(), entries
    )
    forced = torch.zeros(count, dtype=torch.bool)
    forced[[i for t, i in vocabulary if t in entries and entries[t].force]] = True
    lacking = {model: one < 0 for model, one in numbers.items()}
    asked = (torch.stack([*lacking.values(), forced]).any(0)).nonzero().flatten()
    maker = _Maker(info, permutations, rows)
    for place, number in enumerate(asked.tolist()):
        token = vocabulary[number][0]
        if token in averaged:
            maker.average(place, number)
        elif not maker.give(place, number, entries[token].source):
            return None
    size = count + -count % (task.pad_to_multiple_of or 1)
    place_of = torch.zeros(count, dtype=torch.long)
    place_of[asked] = torch.arange(len(asked))
    own = {
        model: _own(one, lacking[model] | forced, place_of, rows[model], device)
        for model, one in numbers.items()
    }
    return _Move(count, size, maker.given(len(asked), device), own)


def _own(
    numbers: torch.Tensor,
    given: torch.Tensor,
    place_of: torch.Tensor,
    rows: int,
    device: torch.device,
) -> _Own:
    same = torch.arange(len(numbers))
    filled = numbers.where(~given, same.clamp(max=rows - 1))
    stays = bool((filled == same).all())
    places = given.nonzero().flatten()
    return _Own(
        None if stays else filled.to(device),
        places.to(device),
        place_of[places].to(device),
    )


class _Maker:
    """Gathers which rows are given, and by whom."""

    def __init__(
        self,
        info: Any,
        permutations: Mapping[Any, Mapping[int, int]],
        rows: Mapping[Any, int],
    ) -> None:
        self._info, self._permutations, self._rows = info, permutations, rows
        self._places: dict[Any, list[tuple[int, int]]] = {}
        self._averaged: dict[int, dict[Any, list[tuple[int, int]]]] = {}
        config = part("tokenizer.config")
        self._zero = attribute(config, "ZeroEmbedding")
        self._token = attribute(config, "ModelTokenEmbedding")

    def average(self, place: int, number: int) -> None:
        """Have a row be the average of those who have it."""
        having = {m: p[number] for m, p in self._permutations.items() if p[number] >= 0}
        summands = self._averaged.setdefault(len(having), {})
        for model in self._permutations:  # summed in this order
            if model in having:
                summands.setdefault(model, []).append((place, having[model]))

    def give(self, place: int, number: int, source: Any) -> bool:
        """Have a row be that of a source; return whether there is one."""
        if isinstance(source, self._zero):
            return True
        model = source.model if isinstance(source, self._token) else source
        if model not in self._rows:
            return False
        row = self._permutations[model][number]
        if isinstance(source, self._token):
            row = source.token_id
            if row is None:
                row = self._info.original_vocabs[model].get(source.token, -1)
        if not 0 <= row < self._rows[model]:
            return False
        self._places.setdefault(model, []).append((place, row))
        return True

    def given(self, count: int, device: torch.device) -> _Given:
        """Return what was gathered."""
        averaged = {
            divisor: {model: _columns(summands[model], device)
                      for model in self._permutations if model in summands}
            for divisor, summands in self._averaged.items()
        }  # fmt: skip
        places = {model: _columns(one, device) for model, one in self._places.items()}
        return _Given(places, averaged, count)


def _columns(
    pairs: Sequence[tuple[int, int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    places, numbers = torch.tensor(pairs, device=device).unbind(1)
    return places, numbers
