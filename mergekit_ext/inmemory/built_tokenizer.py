"""The tokenizer that mergekit builds of a recipe's models, built once for many merges.

It depends on the models' tokenizers and on what the recipe says of tokens, and on no
weight: the points of a sweep share one, as long as somebody keeps it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from mergekit_ext.compat import attribute, lent, part
from mergekit_ext.inputs.checkpoints import file_state


# weights say nothing of tokens, and may be written again
_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth"}
_NUMBERS = itertools.count()


class _Build:
    """What mergekit has built, with a number that nothing else has."""

    def __init__(self, found: Any) -> None:
        self.found, self.number = found, next(_NUMBERS)


# what was asked for -> what was built, while some merge has it
_SHARED: WeakValueDictionary[Hashable, _Build] = WeakValueDictionary()
_BUILDING = threading.RLock()


class BuiltTokenizer:
    """What mergekit has built of the tokenizers of one merge, once it has.

    Those that were asked for the same, of files that have not been written since, have
    the same one. It is let go when none of them is left.

    Args:
        template: The recipe's ``chat_template``, which mergekit puts into it.
    """

    def __init__(self, template: str | None = None) -> None:
        self._template = template
        self._build: _Build | None = None

    @property
    def number(self) -> int | None:
        """What tells it from all others here; ``None`` before it is built."""
        return None if self._build is None else self._build.number

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have mergekit, in this thread, build no other.

        It numbers what a union adds anew each time, and the rows of the embeddings are
        to fit the tokenizer that is saved.
        """
        kind = attribute(part("tokenizer"), "BuildTokenizer")
        token = _USED.set(self)
        try:
            with lent(kind, "execute", _built_once):
                yield
        finally:
            _USED.reset(token)

    def get(self, task: Any, build: Callable[[], Any]) -> Any:
        """Return it, built now if need be.

        Args:
            task: mergekit's; it says what is asked for.
            build: Builds it.
        """
        with _BUILDING:
            if self._build is None:
                key = _key(task, self._template)
                found = None if key is None else _SHARED.get(key)
                if found is None:
                    found = _Build(build())
                    if key is not None:
                        _SHARED[key] = found
                self._build = found
            return self._build.found


# of this thread's merge: what is changed in mergekit is so for all of them
_USED: ContextVar[BuiltTokenizer | None] = ContextVar("tokenizer", default=None)


def _built_once(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(self: Any, **given: Any) -> Any:
        used = _USED.get()
        if used is None:
            return original(self, **given)
        return used.get(self, lambda: original(self, **given))

    return execute


def _key(task: Any, template: str | None) -> Hashable | None:
    """Return all that a tokenizer depends on; ``None`` where that cannot be told."""
    models = [*task.referenced_models, task.base_model, task.tokenizer_source]
    folders = {Path(one.model.path) for one in models if hasattr(one, "model")}
    if not all(folder.is_dir() for folder in folders):
        return None
    return task, template, frozenset(map(_state, folders))


def _state(folder: Path) -> Hashable:
    """Return what would be another if a file beside the weights was written again."""
    files = (*folder.iterdir(), *folder.glob("additional_chat_templates/*"))
    return folder, frozenset(
        (str(file), file_state(file))
        for file in files
        if file.suffix not in _WEIGHTS and file.is_file()
    )
