"""What a search for cuts has found, kept from merge to merge.

A cut depends on a task vector and on what is kept of it, and on no weight. So merges of
tensors that stay as they are need each search once, and then one pass. The kernels do
not know which tensors stay: whoever has them says so, by naming them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from mergekit_ext.kernels.terms import Merge


Found = TypeVar("Found")
# the name of a tensor of the result and of a model -> what names that model's part of
# it wherever it is met, ``None`` where it may be another the next time
NameTensor = Callable[[str, str], Hashable | None]


class KeptCuts:
    """What is known: a few numbers for each task vector, or for each of its columns."""

    def __init__(self) -> None:
        self._found: dict[Hashable, object] = {}

    def __len__(self) -> int:
        """Return how many searches are known."""
        return len(self._found)

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()

    @contextmanager
    def used(self, name: NameTensor) -> Iterator[None]:
        """Have the merges of the body, in this thread, take and leave what is here.

        Args:
            name: Names the tensors. Two that have one name must be the same, element
                for element, whenever and wherever they are met.
        """
        token = _USED.set((self._found, name))
        try:
            yield
        finally:
            _USED.reset(token)


_USED: ContextVar[tuple[dict[Hashable, object], NameTensor] | None] = ContextVar(
    "kept cuts", default=None
)


def kept(
    what: Merge, terms: list[int], asked: Hashable, find: Callable[[], Found]
) -> Found:
    """Return what a search finds; it is done where its result is not known.

    Args:
        what: The merge.
        terms: The indices of the terms whose task vectors are searched.
        asked: What is searched for, and all else that the result depends on.
        find: Searches. What it returns is shared, and must not be changed.
    """
    if (used := _USED.get()) is None:
        return find()
    found, name = used
    base = [] if what.base is None else [what.base]
    inputs = [*base, *(what.terms[k].expert for k in terms)]
    names = tuple(name(what.name, one.model) for one in inputs)
    if None in names:
        return find()
    seen = tuple(
        (one.tensor.dtype, one.tensor.shape, one.tensor.device) for one in inputs
    )
    key = names, seen, what.work_dtype, asked
    if key not in found:
        found[key] = find()
    return found[key]  # type: ignore[return-value]
