"""lm-eval's 14,000 YAMLs are read once, for all the managers that these tests make."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    from lm_eval.tasks import _index

    upstream, read = Path(_index.__file__).parent, _index.load_yaml

    @cache
    def once(path: Path, recursive: bool) -> dict[str, Any]:
        return read(path, resolve_func=False, recursive=recursive)

    def load(
        path: Path, *, resolve_func: bool = True, recursive: bool = True
    ) -> dict[str, Any]:
        if resolve_func or not path.is_relative_to(upstream):
            return read(path, resolve_func=resolve_func, recursive=recursive)
        return copy.deepcopy(once(path, recursive))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_index, "load_yaml", load)
        yield
