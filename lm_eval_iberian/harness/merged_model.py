"""What the model types of merges have in common, whatever engine computes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lm_eval_iberian.harness.merge_arguments import (
    MergeArguments,
    ModelArgumentError,
    read_arguments,
)
from mergekit_ext.errors import MergeError
from mergekit_ext.inmemory import PreparedMerge, prepare_merge
from mergekit_ext.recipes.recipe_reader import plain


def read_asked(
    arguments: Mapping[str, Any], model_type: str = "merged"
) -> MergeArguments | None:
    """Read what arguments say of a merge; ``None`` for a model that is loaded as it is.

    Raises:
        ModelArgumentError: If they cannot be read.
    """
    with in_words():
        return read_arguments(arguments, model_type)


def prepared_as_asked(asked: MergeArguments) -> PreparedMerge:
    """Read and check the recipe that arguments name.

    Raises:
        MergeError: If anything stands in the way.
    """
    merge = prepare_merge(asked.recipe, options=asked.options, weights=asked.weights)
    if (turns := merge.ready.turns) is not None:
        merge.watch.note(f"{asked.name} {turns.line}")
    return merge


def name_results(arguments: dict[str, Any], model_type: str = "merged") -> None:
    """Give lm-eval's arguments of a merge a name for results to record.

    lm-eval names results after what its arguments have under ``model``, and makes a
    name up where they have none.

    Raises:
        ModelArgumentError: If the arguments cannot be read.
    """
    asked = read_asked(arguments, model_type)
    if asked is not None:
        arguments["model"] = asked.name


def recorded_merge(asked: MergeArguments, merge: PreparedMerge) -> dict[str, Any]:
    """Return what results record of a merge: what it was made of."""
    return {
        "merge_recipe": plain(merge.merge.config),
        "merge_seed": asked.merge_seed,
    }


def tokenizer_name(side: Path) -> str:
    """Return a name that tells one tokenizer, with its template, from another.

    It is part of a cache's name; that of a temporary folder is another each time.

    Args:
        side: The folder of ``merged_side_files``.
    """
    found = hashlib.sha256()
    for file in sorted(side.glob("*token*")) + sorted(side.glob("*.jinja")):
        found.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"merged-{found.hexdigest()[:16]}"


@contextmanager
def in_words() -> Iterator[None]:
    """Make an error of a merge one of ours, which ends ``lm_eval`` in a sentence."""
    try:
        yield
    except MergeError as error:
        raise ModelArgumentError(str(error)) from error
