"""The values of a recipe's parameters: what was asked for, else the catalogue's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paper_recipes.recipe_catalogue import RecipeCatalogue, RecipeMethod
from lm_eval_iberian.paper_recipes.request import INSTRUCT, ParameterSetting, Request


@dataclass(frozen=True)
class Values:
    """What a recipe sets.

    Args:
        shared: Parameter to value, for the merge.
        each: Model (``instruct`` or a language) to parameter to value.
    """

    shared: Mapping[str, Any]
    each: Mapping[str, Mapping[str, Any]]


def values_of(request: Request, catalogue: RecipeCatalogue) -> Values:
    """Return the values of a request.

    Raises:
        DataError: For a parameter that the method does not have, that is set twice or
            missing, or for weights that cannot be normalised.
        UnknownNameError: For a model that the merge does not have.
    """
    method = catalogue.methods[request.method]
    parts = (INSTRUCT, *request.languages)
    _check(request, method, catalogue, parts)
    shared: dict[str, Any] = {}
    each: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name in method.takes:
        given = [one for one in request.settings if one.parameter == name]
        if name == "weight":
            _spread(each, name, _weights(request, given, catalogue.weights))
        elif name.startswith("weight_"):
            _spread(each, name, _part_weights(request, given))
        elif catalogue.parameters[name].several:
            if given:
                shared[name] = [one.value for one in given]
        elif any(one.model for one in given):
            _spread(each, name, _each(given, parts, method.defaults.get(name)))
        elif given or name in method.defaults:
            shared[name] = given[0].value if given else method.defaults[name]
    _check_sum(request, shared, each)
    return Values(shared, each)


def _check(
    request: Request,
    method: RecipeMethod,
    catalogue: RecipeCatalogue,
    parts: tuple[str, ...],
) -> None:
    seen = set()
    for one in request.settings:
        if one.parameter not in method.takes:
            fused = request.fused or method.alone
            having = catalogue.methods_with(one.parameter, fused=fused)
            raise DataError(
                f"{_name(request, method)} has no parameter {one.parameter};"
                f" these have: {', '.join(having)}."
            )
        ours = request.fused or method.alone
        if one.parameter in catalogue.fused_only and not ours:
            having = catalogue.methods_with(one.parameter, fused=True)
            raise DataError(
                f"mergekit's {request.method} has no {one.parameter}; these have:"
                f" {', '.join(having)}. Add --fused."
            )
        if one.model is not None and one.model not in parts:
            raise UnknownNameError("model of this merge", one.model, parts)
        several = catalogue.parameters[one.parameter].several
        if (one.parameter, one.model) in seen and not several:
            raise DataError(f"--{one.parameter} is given twice for the same model.")
        seen.add((one.parameter, one.model))
    for name in method.required:
        if not any(one.parameter == name for one in request.settings):
            raise DataError(f"{_name(request, method)} needs --{name}.")


def _weights(
    request: Request, given: list[ParameterSetting], defaults: Mapping[str, Any]
) -> dict[str, float]:
    """Return every model's weight; one without a name is for all the experts."""
    several = len(request.languages)
    expert = defaults["alone"] if several == 1 else defaults["shared"] / several
    named = {one.model: one.value for one in given}
    found = {lang: named.get(None, expert) for lang in request.languages}
    return {
        INSTRUCT: defaults[INSTRUCT], **found,
        **{part: value for part, value in named.items() if part},
    }  # fmt: skip


def _part_weights(request: Request, given: list[ParameterSetting]) -> dict[str, float]:
    """Return the weights of a part; as ``_weights``, but no model must have one."""
    named = {one.model: one.value for one in given}
    common = dict.fromkeys(request.languages, named.pop(None)) if None in named else {}
    return {**common, **{part: value for part, value in named.items() if part}}


def _each(
    given: list[ParameterSetting], parts: tuple[str, ...], default: float | None
) -> dict[str, Any]:
    named = {one.model: one.value for one in given}
    found = {part: named.get(part, named.get(None, default)) for part in parts}
    return {part: value for part, value in found.items() if value is not None}


def _spread(
    each: dict[str, dict[str, Any]], name: str, values: Mapping[str, Any]
) -> None:
    for part, value in values.items():
        each[part][name] = value


def _check_sum(
    request: Request, shared: Mapping[str, Any], each: Mapping[str, Mapping[str, Any]]
) -> None:
    weights = [values["weight"] for values in each.values() if "weight" in values]
    if request.method != "linear" or not shared.get("normalize", True):
        return
    if abs(sum(weights)) < 1e-8:
        raise DataError(f"The weights {weights} sum to 0, by which linear divides.")


def _name(request: Request, method: RecipeMethod) -> str:
    return method.fused if request.fused else request.method
