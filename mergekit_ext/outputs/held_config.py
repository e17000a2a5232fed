"""Keep ``config.json`` back while a merge is written.

transformers writes it through ``PretrainedConfig.to_json_file``, the one thing of it
that is relied on here. ``test_held_config.py`` says what changed.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mergekit_ext.compat import lent
from mergekit_ext.errors import CompatError
from mergekit_ext.outputs.former_merge import CONFIG, PARTIAL


_TO_JSON_FILE = ["self", "json_file_path", "use_diff"]
# the folders within which it is held back now, one for each merge
_ROOTS: list[str] = []


@contextmanager
def held_back(folder: Path) -> Iterator[None]:
    """Let every ``config.json`` within a folder be written under its partial name.

    Merges may do so one within another, and at the same time in several threads:
    whoever writes it, where it is written decides.

    Raises:
        CompatError: If this transformers writes it in some other way.
    """
    from transformers import PretrainedConfig

    original = getattr(PretrainedConfig, "to_json_file", None)
    if original is None or list(inspect.signature(original).parameters) != (
        _TO_JSON_FILE
    ):
        raise CompatError(
            f"transformers {version('transformers')} has no PretrainedConfig"
            f".to_json_file that takes {_TO_JSON_FILE}; without it, a merge would look"
            " finished before it is. Install another release of transformers 5."
        )
    root = os.path.realpath(folder)
    with lent(PretrainedConfig, "to_json_file", _holding_back):
        _ROOTS.append(root)
        try:
            yield
        finally:
            _ROOTS.remove(root)


def _holding_back(original: Any) -> Any:
    def to_json_file(self: Any, json_file_path: Any, use_diff: bool = True) -> None:
        path = Path(json_file_path)
        if path.name == CONFIG and any(_is_within(path, root) for root in _ROOTS):
            path = path.with_name(PARTIAL)
        original(self, path, use_diff)

    return to_json_file


def hold_back_late(folder: Path) -> None:
    """Rename a ``config.json`` that was written in spite of ``held_back``."""
    if (folder / CONFIG).is_file():
        (folder / CONFIG).replace(folder / PARTIAL)


def untie(folder: Path) -> None:
    """Write down that a result has a head of its own, beside its input embeddings."""
    for name in (PARTIAL, CONFIG):
        if (path := folder / name).is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            text = json.dumps(content | {"tie_word_embeddings": False}, indent=2)
            path.write_text(text + "\n", encoding="utf-8")


def _is_within(path: Path, root: str) -> bool:
    return os.path.commonpath([os.path.realpath(path), root]) == root
