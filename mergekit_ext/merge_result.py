"""Make the result of a checked merge: whole in its folder, or not there at all.

mergekit's own merge in our guard: what both commands share.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import yaml

from mergekit_ext.checked_merge import CheckedMerge, ReadyMerge
from mergekit_ext.compat import attribute, part
from mergekit_ext.errors import MergeError, OutputError, word_stop
from mergekit_ext.forced_rows import forced_rows_kept
from mergekit_ext.inputs.borrowed_ends import borrow
from mergekit_ext.inputs.checkpoints import read_checkpoint
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.pickled_weights import opened_in_turn
from mergekit_ext.inputs.tokenizer_checks import has_tokenizer
from mergekit_ext.inputs.tokenizer_source import Donor
from mergekit_ext.inputs.turn_ends import read_turn_ends
from mergekit_ext.moved_rows import rows_moved_at_once
from mergekit_ext.outputs.file_exchange import Workshop
from mergekit_ext.outputs.former_merge import PARTIAL, list_files
from mergekit_ext.outputs.held_config import held_back, hold_back_late, untie
from mergekit_ext.outputs.output_folder import whole_or_nothing
from mergekit_ext.outputs.termination import unwound_by_signals
from mergekit_ext.outputs.turn_files import shown_changes, turn_files, write_turn_files
from mergekit_ext.plans.input_checks import Permissions
from mergekit_ext.plans.local_recipe import (
    local_options,
    local_recipe,
    restore_names,
    shown_recipe,
)
from mergekit_ext.plans.turn_plan import TurnPlan
from mergekit_ext.recipes.recipe import Recipe
from mergekit_ext.recipes.recipe_reader import plain


def merge_to_folder(merge: CheckedMerge, out: str) -> None:
    """Check everything, merge, and put the result at ``out`` when it is whole.

    Merges may run one within another, and in several threads at the same time, each
    to an output of its own. Files that mergekit reads from are shared by them, and
    so is torch's generator, which the methods of this package leave alone.

    Args:
        merge: What was asked for.
        out: The folder that the result is to be.

    Raises:
        MergeError: If anything stands in the way; ``out`` is then as it was.
    """
    target = Path(os.path.realpath(out))
    with unwound_by_signals():
        # what is here can be planned and checked; mergekit would fetch it anyway
        ready = merge.prepare(target, fetch=True)
        if ready.donor is not None and merge.donated is not None:
            merge.donated(ready.donor)
        with whole_or_nothing(target, merge.writes) as workshop:
            try:
                _checked_merge(merge, ready, workshop)
            except MergeError:
                raise
            except OSError as error:  # a full disk, a folder that is gone
                raise OutputError(word_stop("The merge", error)) from error


# ``word_fault`` knows what is within our guard by this name
def _checked_merge(merge: CheckedMerge, ready: ReadyMerge, workshop: Workshop) -> None:
    digests = merge.check_weights(ready, hashed=merge.record is not None)
    if ready.turns is not None:
        merge.watch.note(ready.turns.line)
    turns = make_result(merge, ready, workshop, merge.allowed.safetensors)
    if merge.record is None:
        list_files(workshop.result)
    else:
        merge.record(workshop.result, ready.inputs, digests, turns)


def make_result(
    merge: CheckedMerge, ready: ReadyMerge, workshop: Workshop, weights: bool
) -> dict[str, Any]:
    """Write a result, its ``config.json`` under its partial name.

    Args:
        merge: What was asked for.
        ready: What was checked before.
        workshop: Where.
        weights: Whether there must be weights in the end.

    Returns:
        What to record of its turns.

    Raises:
        MergeError: If something is missing in the end.
    """
    with held_back(workshop.folder):
        _write(merge, workshop, ready.inputs, ready.donor)
    if ready.plan is not None and ready.plan.unties:
        untie(workshop.result)
    hold_back_late(workshop.result)
    _check_result(workshop.result, ready.inputs, ready.recipe, merge.allowed, weights)
    return {} if ready.turns is None else _carry(workshop, ready.turns)


def _write(
    merge: CheckedMerge,
    workshop: Workshop,
    inputs: Sequence[InputModel],
    donor: Donor | None,
) -> None:
    renamed: dict[str, str] = {}
    ours = merge.parameters is not None
    local = local_recipe(merge.config, inputs, donor, ours=ours, renamed=renamed)
    # a copy with an adapter in it is made anew: a killed run leaves half of one
    cache = merge.options.lora_merge_cache or str(workshop.adapters)
    options = local_options(merge.options, inputs)
    options = options.model_copy(update={"lora_merge_cache": cache})
    source = merge.source or yaml.safe_dump(plain(merge.config), sort_keys=False)
    in_turn = opened_in_turn() if options.lazy_unpickle else nullcontext()
    with in_turn, rows_moved_at_once(), forced_rows_kept():
        merge.original(local, str(workshop.result), options, source)
    card = workshop.result / "README.md"
    local_ones = all(Path(one.model.path).is_dir() for one in inputs)
    if card.is_file() and not local_ones:
        text = attribute(part("card"), "generate_card")(
            config=shown_recipe(merge.config),
            config_yaml=source,
            name=workshop.result.name,
        )
        card.write_text(text, encoding="utf-8")
    restore_names(card, renamed)


def _carry(workshop: Workshop, turns: TurnPlan) -> dict[str, Any]:
    """Let the result end its turns as it should; return what to record of that."""
    own = read_turn_ends("the result", workshop.result, PARTIAL)
    borrowed = borrow(turns.donor, own, own_template=turns.own_template)
    write_turn_files(workshop.result, turn_files(borrowed, own), PARTIAL)
    return {
        "like": None if turns.donor is None else turns.donor.model,
        "template": turns.template,
        "ends": [{"id": one, "token": own.text(one)} for one in borrowed.ends],
        "changed": list(shown_changes(borrowed, own)),
    }


def _check_result(
    folder: Path,
    inputs: Sequence[InputModel],
    recipe: Recipe,
    allowed: Permissions,
    weights: bool,
) -> None:
    """Refuse a result without what a model needs; mergekit only logs some failures."""
    if not (folder / PARTIAL).is_file():
        raise OutputError("The merge wrote no config.json; nothing was kept.")
    if weights:
        if not any(folder.glob("*.safetensors")):
            raise OutputError("The merge wrote no weights; nothing was kept.")
        read_checkpoint("the result", folder, PARTIAL)
    if not has_tokenizer(folder) and (
        recipe.sets_tokenizer
        or (allowed.copy_tokenizer and _donor_has_tokenizer(recipe, inputs))
    ):
        raise OutputError(
            "The tokenizer could not be copied, for the reason logged above; nothing"
            " was kept."
        )


def _donor_has_tokenizer(recipe: Recipe, inputs: Sequence[InputModel]) -> bool:
    """Whether the base, which gives the tokenizer, is here and has one to give."""
    base = recipe.models[0]
    return any(
        has_tokenizer(one.checkpoint.folder) for one in inputs if one.model == base
    )
