"""Where the rows of embeddings come from, and tensors whose rows are moved at once.

What mergekit works out token by token, worked out once for all tensors of the same
models; the results are its own, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mergekit_ext.compat import attribute, part


# what all but the tensors is, the tensor, all that its rows are of, what writes rows
# -> the tensor with them written; None where it has to be copied
Keep = Callable[
    [
        Hashable,
        torch.Tensor,
        Collection[torch.Tensor],
        Callable[[torch.Tensor], None],
    ],
    torch.Tensor | None,
]

# of so many rows one may be given before it is no saving not to copy all
_FEW = 64


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
class RowMove:
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
        self,
        views: Mapping[Any, torch.Tensor],
        *,
        may_stay: bool,
        keep: Keep | None = None,
    ) -> dict[Any, torch.Tensor]:
        """Return each model's tensor, moved.

        Args:
            views: Model -> its tensor, rows first.
            may_stay: Whether a tensor may be returned as it is.
            keep: Has tensors of which few rows are written, if anything does.
        """
        dtype = next(iter(views.values())).dtype
        for view in views.values():
            dtype = torch.promote_types(dtype, view.dtype)
        given = self.given.made(views, dtype)
        found = {}
        for model, view in views.items():
            stays = may_stay and self._stay(view, model)
            one = self._stayed(model, views, given, keep) if stays else None
            found[model] = (
                self._one(view, self.own[model], given) if one is None else one
            )
        return found

    def _stay(self, view: torch.Tensor, model: Any) -> bool:
        """Whether rows stay but for those that are given, and lie as they would."""
        same = self.own[model].numbers is None and self.size == self.tokens
        return same and view.is_contiguous()

    def _stayed(
        self,
        model: Any,
        views: Mapping[Any, torch.Tensor],
        given: torch.Tensor,
        keep: Keep | None,
    ) -> torch.Tensor | None:
        """Return a tensor that need not be copied; ``None`` if it must be."""
        own, view = self.own[model], views[model]
        if not len(own.places):
            return view[: self.tokens].to(given.dtype)
        few = len(own.places) * _FEW <= self.tokens
        if keep is None or not few or view.dtype != given.dtype:
            return None

        def write(twin: torch.Tensor) -> None:
            twin[own.places] = given[own.given]

        twin = keep((self, model), view, views.values(), write)
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


def find_move(
    task: Any, info: Any, rows: Mapping[Any, int], device: torch.device
) -> RowMove | None:
    """Return where rows come from; ``None`` where mergekit is to say it.

    Args:
        task: mergekit's, which is to move them.
        info: What it has built of the tokenizers.
        rows: Model -> how many rows its tensor has, in mergekit's order.
        device: Where the tensors are.
    """
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
    return RowMove(count, size, maker.given(len(asked), device), own)


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
