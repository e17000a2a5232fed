"""What is wrong with a recipe, told without opening a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mergekit_ext.dtypes import DTYPES
from mergekit_ext.errors import RecipeError, unknown_name
from mergekit_ext.methods.method import Method
from mergekit_ext.methods.method_catalogue import METHODS
from mergekit_ext.methods.parameters import LAYERS, REQUIRED, Parameter
from mergekit_ext.methods.task_vectors import check_spread
from mergekit_ext.recipes.layer_swap_recipe import check_swap_recipe
from mergekit_ext.recipes.recipe import Contributor, OutputSlice, Recipe, Scope, leaves


# of mergekit's methods; ours need no mask in memory
WITHOUT_EFFECT = ("int8_mask",)


def check_dtypes(recipe: Recipe) -> None:
    """Check the dtypes that a recipe names, by whatever method.

    Raises:
        RecipeError: If there is no such dtype.
    """
    for setting, dtype in (recipe.dtypes or {}).items():
        if dtype.removeprefix("torch.") not in DTYPES:
            raise RecipeError(f"{setting}: {unknown_name('dtype', dtype, DTYPES)}")


def check_recipe(recipe: Recipe, parameters: Sequence[Parameter]) -> None:
    """Check everything that can be told from the recipe alone.

    Args:
        recipe: The recipe.
        parameters: The parameters of its method.

    Raises:
        RecipeError: At the first thing that does not exist or cannot be.
    """
    check_dtypes(recipe)
    known = {parameter.name: parameter for parameter in parameters}
    for part in recipe.slices:
        _check_structure(part, recipe)
        _check_count(part, recipe)
        for scope in part.scopes:
            _check_scope(scope, known, recipe.method, shared=True)
        for source in part.sources:
            _check_scope(source.scope, known, recipe.method, shared=False)
        _check_rescale(part, known)
        _check_spread(part, known)
    check_swap_recipe(recipe)
    _check_whole_models(recipe)


def check_coverage(
    recipe: Recipe, parameters: Sequence[Parameter], tensors: Iterable[str]
) -> None:
    """Check that every expert has a value for each required parameter.

    Args:
        recipe: The recipe.
        parameters: The parameters of its method.
        tensors: The names that mergekit's filters are matched with; ``[""]`` where they
            are not known, which asks only whether there is a setting at all.

    Raises:
        RecipeError: If a tensor of an expert would be without one.
    """
    names = list(tensors)
    for parameter in parameters:
        if parameter.default is not REQUIRED:
            continue
        for part in recipe.slices:
            for source in _experts(part, recipe):
                scopes = (source.scope, *part.scopes)
                settings = [
                    scope.values[parameter.name]
                    for scope in scopes
                    if parameter.name in scope.values
                ]
                _check_covered(parameter, source, settings, names)


def counts_layers(recipe: Recipe) -> bool:
    """Whether the method of a recipe must know how many layers there are."""
    method = _method(recipe)
    return method is not None and LAYERS in method.parameters


def lists_of_names(recipe: Recipe) -> list[Parameter]:
    """Return the parameters of a recipe's method that take a list of names."""
    method = _method(recipe)
    return [] if method is None else [one for one in method.parameters if one.several]


def _method(recipe: Recipe) -> Method | None:
    return next((m for m in METHODS if m.name == recipe.method), None)


def _base(recipe: Recipe) -> str:
    method = _method(recipe)
    return "required" if method is None else method.base


def _experts(part: OutputSlice, recipe: Recipe) -> list[Contributor]:
    """Return the sources that need parameters."""
    if _base(recipe) != "ignored":
        return list(part.experts())
    listed = {source.model for source in part.sources}
    if part.base is None or part.base in listed:
        return list(part.sources)
    # mergekit adds it to the models
    return [
        *part.sources,
        Contributor(part.base, Scope(f"{part.where}, listed there", {})),
    ]


def _check_count(part: OutputSlice, recipe: Recipe) -> None:
    method = _method(recipe)
    exactly = None if method is None else method.exactly
    if exactly is not None and (found := len(_experts(part, recipe))) != exactly:
        raise RecipeError(
            f"{recipe.method} merges {exactly} beside the base model; {part.where} has"
            f" {found}."
        )


def _check_structure(part: OutputSlice, recipe: Recipe) -> None:
    base = _base(recipe)
    if part.base is None and base == "required":
        raise RecipeError(
            f"{recipe.method} adds to a base model and {part.where} has none;"
            " set base_model."
        )
    names = [source.model for source in part.sources]
    for model in names:
        if names.count(model) > 1:
            raise RecipeError(f"{part.where}: {model.name!r} is listed twice.")
    whole = recipe.whole_models or base == "ignored"
    if not whole and part.base is not None and part.base not in names:
        raise RecipeError(
            f"{part.where}: the base model {part.base.name!r} must be one of the"
            " sources, with its own layer_range."
        )
    lengths = {
        s.model.name: s.layers[1] - s.layers[0] for s in part.sources if s.layers
    }
    if len(set(lengths.values())) > 1 or min(lengths.values(), default=1) < 1:
        raise RecipeError(
            f"{part.where}: every layer_range must hold the same number of layers, and"
            f" at least one: {lengths}."
        )


def _check_scope(
    scope: Scope, known: Mapping[str, Parameter], method: str, *, shared: bool
) -> None:
    for name, setting in scope.values.items():
        if name in WITHOUT_EFFECT and shared:
            continue
        if name not in known:
            raise RecipeError(
                f"{scope.where}: {unknown_name(f'parameter of {method}', name, known)}"
            )
        parameter = known[name]
        if not (shared or parameter.per_model):
            raise RecipeError(
                f"{scope.where}: {name} is one value for the whole merge and would be"
                " ignored here; move it to the parameters at the top of the recipe."
            )
        values = list(leaves(setting))
        for value in values:
            parameter.check(value, scope.where)
        if parameter.type is int and len(set(values)) > 1:
            raise RecipeError(f"{scope.where}: {name} must be one number, no gradient.")


def _check_whole_models(recipe: Recipe) -> None:
    if counts_layers(recipe) and [part.where for part in recipe.slices] != ["models"]:
        raise RecipeError(
            f"{recipe.method} counts the layers of whole models; list them under"
            " 'models:', without slices or modules."
        )


def _check_rescale(part: OutputSlice, known: Mapping[str, Parameter]) -> None:
    # DARE divides by the density; the others by a ratio of norms, which is then 1.
    # Where a gradient or a filter gives 0 to some tensors alone, they keep nothing.
    if not {"rescale", "seed"} <= known.keys():
        return
    if not _any(part.scopes, known["rescale"], True):
        return
    for source in part.experts():
        if _all((source.scope, *part.scopes), known["density"], 0):
            raise RecipeError(
                f"{source.scope.where}: {source.model.name!r} has a density of 0, by"
                " which nothing can be rescaled; set rescale to false, or leave it out."
            )


def _check_spread(part: OutputSlice, known: Mapping[str, Parameter]) -> None:
    # of gradients and filters each tensor has its own pair, which is checked then
    if "epsilon" not in known:
        return
    for source in part.experts():
        scopes = (source.scope, *part.scopes)
        density, epsilon = (
            _single(scopes, known[name]) for name in ("density", "epsilon")
        )
        if density is not None and epsilon is not None and 0 < density < 1:
            check_spread(density, epsilon, source.scope.where)


def _single(scopes: Iterable[Scope], parameter: Parameter) -> float | None:
    """Return the one value that a parameter has for all tensors, if it is one."""
    for scope in scopes:
        if parameter.name in scope.values:
            values = {parameter.check(v, scope.where)
                      for v in leaves(scope.values[parameter.name])}  # fmt: skip
            return float(values.pop()) if len(values) == 1 else None
    return float(parameter.default)


def _any(scopes: Iterable[Scope], parameter: Parameter, wanted: float) -> bool:
    """Whether the nearest scope that sets a parameter, or its default, has a value."""
    for scope in scopes:
        if parameter.name in scope.values:
            values = leaves(scope.values[parameter.name])
            return any(parameter.check(v, scope.where) == wanted for v in values)
    return bool(parameter.default == wanted)


def _all(scopes: Iterable[Scope], parameter: Parameter, wanted: float) -> bool:
    for scope in scopes:
        if parameter.name in scope.values:
            values = leaves(scope.values[parameter.name])
            return all(parameter.check(v, scope.where) == wanted for v in values)
    return bool(parameter.default == wanted)


def _check_covered(
    parameter: Parameter,
    source: Contributor,
    settings: Sequence[Any],
    names: Sequence[str],
) -> None:
    for name in names:
        if not any(_covers(setting, name) for setting in settings):
            what = f" for {name!r}" if name and settings else ""
            raise RecipeError(
                f"{source.model.name!r} has no {parameter.name}{what}; set it in"
                f" {source.scope.where}, or for all models in the top-level parameters."
            )


def _covers(setting: Any, tensor_name: str) -> bool:
    if not tensor_name:
        return True
    conditions = setting if isinstance(setting, (list, tuple)) else [setting]
    return any(
        not hasattr(entry, "value")
        or entry.filter in (None, "*")
        or entry.filter in tensor_name
        for entry in conditions
    )
