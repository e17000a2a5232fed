"""Whether the rows that ``tokenizer.tokens`` asks for are there to be given.

mergekit looks for them when it aligns the embeddings, late in a merge, and for the
tokens alone that some model lacks or that are forced.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mergekit_ext.errors import RecipeError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.tokenizer_checks import has_tokenizer, vocabulary
from mergekit_ext.inputs.tokenizer_source import same_model
from mergekit_ext.plans.merge_plan import MergePlan, PlannedTensor
from mergekit_ext.recipes.recipe import Recipe, TokenSource


def check_token_sources(
    recipe: Recipe, plan: MergePlan, checkpoints: Sequence[Checkpoint]
) -> None:
    """Check every source of a token that the merge will ask for.

    Args:
        recipe: What names them.
        plan: What is merged from whom.
        checkpoints: The models, the base first.

    Raises:
        RecipeError: If a row cannot be given.
    """
    if not recipe.token_sources:
        return
    vocabularies = _vocabularies(checkpoints)
    for tensor in plan.tensors:
        if tensor.vocabulary_axis is None:
            continue
        holders = {
            one.model: _Holder(vocabularies[one.model], _rows(tensor, one))
            for one in checkpoints
            if one.model in tensor.asked and one.model in vocabularies
        }
        for token, source in recipe.token_sources.items():
            if not source.zero and len(holders) == len(tensor.asked):
                _check(token, source, recipe, tensor, holders)


@dataclass(frozen=True)
class _Holder:
    """A model's tokens, and how many rows it has for them, if that is known."""

    ids: Mapping[str, int]
    rows: int | None

    def has(self, token: str) -> bool:
        """Whether it has a row of a token."""
        return token in self.ids and self.has_row(self.ids[token])

    def has_row(self, number: int) -> bool:
        """Whether it has a row of a number."""
        return number >= 0 and (self.rows is None or number < self.rows)


def _vocabularies(checkpoints: Sequence[Checkpoint]) -> dict[str, Mapping[str, int]]:
    """Return those that can be read; what has no tokenizer has the base's."""
    found: dict[str, Mapping[str, int]] = {}
    for one in checkpoints:
        if (one.folder / "tokenizer.json").is_file():
            found[one.model] = vocabulary(one)
        elif not has_tokenizer(one.folder) and checkpoints[0].model in found:
            found[one.model] = found[checkpoints[0].model]
    return found


def _rows(tensor: PlannedTensor, checkpoint: Checkpoint) -> int | None:
    header = checkpoint.tensors.get(tensor.asked[checkpoint.model])
    if header is None or tensor.vocabulary_axis is None:
        return None
    return header.shape[tensor.vocabulary_axis]


def _check(
    token: str,
    source: TokenSource,
    recipe: Recipe,
    tensor: PlannedTensor,
    holders: Mapping[str, _Holder],
) -> None:
    lacking = [model for model, one in holders.items() if not one.has(token)]
    if not (lacking or source.force):
        return
    where = f"tokenizer.tokens.{token}"
    if source.model is None:
        why = f"{lacking[0]!r} has no such token" if lacking else "force is set"
        raise RecipeError(f"{where} needs a source, as {why}; name a model, or zero.")
    given = source.model
    same = (one.name for one in recipe.models if same_model(given, one))
    name = next((model for model in same if model in holders), None)
    if name is None:
        raise RecipeError(
            f"{where}: {given.name!r} gives nothing to {tensor.name!r}, which is made"
            f" of {', '.join(holders)}."
        )
    holder = holders[name]
    if source.token_id is not None:
        if not holder.has_row(source.token_id):
            rows = "" if holder.rows is None else f"; it has {holder.rows}"
            raise RecipeError(
                f"{where}: {name!r} has no row {source.token_id} in"
                f" {tensor.name!r}{rows}."
            )
        return
    wanted = token if source.token is None else source.token
    if not holder.has(wanted):
        near = difflib.get_close_matches(wanted, holder.ids, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise RecipeError(f"{where}: {name!r} has no token {wanted!r}.{hint}")
