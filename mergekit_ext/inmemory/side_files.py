"""What a merge has beside its weights: configuration, tokenizer, template, settings."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from mergekit_ext.checked_merge import CheckedMerge
from mergekit_ext.compat import attribute, lent, part
from mergekit_ext.errors import OutputError
from mergekit_ext.inmemory.prepared_merge import AnyRecipe, prepared_once
from mergekit_ext.merge_result import make_result
from mergekit_ext.outputs.file_exchange import Workshop
from mergekit_ext.outputs.former_merge import CONFIG, PARTIAL


# of this thread's merge: what is changed in mergekit is so for all of them
_LEFT_OUT: ContextVar[bool] = ContextVar("weights are left out", default=False)


def merged_side_files(recipe: AnyRecipe, folder: str | os.PathLike[str]) -> Path:
    """Write all that ``iberian merge`` would write of a result but its weights.

    Args:
        recipe: What is merged.
        folder: Where; it must not be there yet, or be empty.

    Returns:
        The folder, from which transformers loads configuration and tokenizer.

    Raises:
        MergeError: If anything stands in the way.
    """
    prepared = prepared_once(recipe)
    target = Path(folder)
    with tempfile.TemporaryDirectory() as place:
        workshop = Workshop(Path(place), "merged")
        workshop.result.mkdir(parents=True)
        with weights_left_out(), prepared.tokenizer.used():
            merge = _unseeded(prepared.merge)
            make_result(merge, prepared.ready, workshop, weights=False)
        (workshop.result / PARTIAL).replace(workshop.result / CONFIG)
        try:
            target.mkdir(parents=True, exist_ok=True)
            target.rmdir()
        except OSError as error:
            raise OutputError(
                f"{target} must be a folder that is to be, or an empty one: {error}."
            ) from error
        shutil.move(workshop.result, target)
    return target


def _unseeded(merge: CheckedMerge) -> CheckedMerge:
    """Return a merge that leaves the generators of its process alone."""
    options = merge.options.model_copy(update={"random_seed": None})
    return replace(merge, options=options)


@contextmanager
def weights_left_out() -> Iterator[None]:
    """Have the merges of the body, in this thread, write everything but weights."""
    planner = attribute(part("plan"), "MergePlanner")
    attribute(planner, "plan_to_disk")
    token = _LEFT_OUT.set(True)
    try:
        with lent(planner, "plan_to_disk", _only_tokenizer):
            yield
    finally:
        _LEFT_OUT.reset(token)


def _only_tokenizer(original: Callable[..., Any]) -> Callable[..., Any]:
    def plan_to_disk(self: Any, *args: Any, **options: Any) -> Any:
        planned = original(self, *args, **options)
        if not _LEFT_OUT.get():
            return planned
        kind = attribute(part("tokenizer"), "BuildTokenizer")
        return [task for task in planned if isinstance(task, kind)]

    return plan_to_disk
