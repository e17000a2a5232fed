"""What is wrong with a merge, told from mergekit's plan before a byte is read."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.plans.merge_plan import MergePlan, PlannedTensor
from mergekit_ext.recipes.recipe import OutputSlice, Recipe, Scope


_SHOWN = 3
# method -> the parameter by which it divides by the sum of the weights
_MEANS = {
    "linear": "normalize",
    "fused_linear": "normalize",
    "multislerp": "normalize_weights",
}
# computed by the model itself; older checkpoints hold it
_COMPUTED = "rotary_emb.inv_freq"


def check_plan(recipe: Recipe, plan: MergePlan) -> list[str]:
    """Check that every model has its part of every tensor, and every setting an effect.

    Returns:
        A sentence for everything the user should know.

    Raises:
        InputError: If a model lacks a tensor.
        RecipeError: If a filter matches nothing, or weights to divide by sum to 0.
    """
    _check_lacking(plan)
    for part in recipe.slices:
        _check_filters(part, plan)
    _check_sums(recipe, plan)
    return list(_notes(recipe, plan))


def _check_lacking(plan: MergePlan) -> None:
    lacking: dict[str, list[PlannedTensor]] = {}
    for tensor in plan.tensors:
        for model in () if tensor.name.endswith(_COMPUTED) else tensor.lacking:
            lacking.setdefault(model, []).append(tensor)
    for model, tensors in lacking.items():
        owners = [one for one in tensors[0].asked if one not in tensors[0].lacking]
        whose = f"{owners[0]!r} has" if owners else "mergekit needs of its architecture"
        raise InputError(
            f"Model {model!r} lacks tensors that {whose}:"
            f" {_shown([one.asked[model] for one in tensors])}. Do all come from the"
            " same pretrained model?"
        )


def _check_filters(part: OutputSlice, plan: MergePlan) -> None:
    every = {tensor.name for tensor in plan.tensors}
    for source in part.sources:
        model = source.model.name
        asked = {t.asked[model] for t in plan.tensors if model in t.asked}
        every |= asked
        _check_scope(source.scope, asked)
    for scope in part.scopes:
        _check_scope(scope, every)


def _check_scope(scope: Scope, names: Collection[str]) -> None:
    for parameter, setting in scope.values.items():
        entries = setting if isinstance(setting, (list, tuple)) else [setting]
        left = set(names)
        for entry in entries:
            wanted = getattr(entry, "filter", None)
            if not hasattr(entry, "value"):
                break
            hit = {n for n in left if wanted in (None, "*") or wanted in n}
            if wanted not in (None, "*") and not hit:
                _refuse(scope, parameter, wanted, names)
            left -= hit


def _refuse(scope: Scope, parameter: str, wanted: str, names: Collection[str]) -> None:
    what = f"{scope.where}: the filter {wanted!r} of {parameter} matches no tensor"
    if any(wanted in name for name in names):
        raise RecipeError(
            f"{what} that an entry before it does not match too; put it before that"
            " entry."
        )
    raise RecipeError(
        f"{what}; mergekit compares it with names such as {min(names, default='none')}."
    )


def _check_sums(recipe: Recipe, plan: MergePlan) -> None:
    switch = _MEANS.get(recipe.method)
    if switch is None:
        return
    for tensor in plan.tensors:
        weights = [values.get("weight", 1.0) for values in tensor.each.values()]
        if tensor.shared.get(switch) and abs(math.fsum(weights)) < 1e-8:
            raise RecipeError(
                f"{recipe.method}, tensor {tensor.name!r}: the weights {weights} sum to"
                f" 0, by which nothing can be divided; set {switch} to false."
            )


def _notes(recipe: Recipe, plan: MergePlan) -> Iterator[str]:
    for model, ignored in plan.ignored.items() if recipe.whole_models else ():
        names = [name for name in ignored if not name.endswith(_COMPUTED)]
        if names:
            yield (
                f"Model {model!r}: mergekit ignores {_shown(names)}; the result is"
                " without."
            )
    if plan.unties:
        yield (
            "Some of the models have a head of their own, and so has the result: its"
            " config.json gets tie_word_embeddings: false."
        )


def _shown(names: Sequence[Any]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
