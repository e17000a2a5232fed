"""A request becomes a recipe: what mergekit's YAML holds, in reading order."""

from __future__ import annotations

from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.recipes.catalogue import Backbone, Catalogue, Method
from lm_eval_iberian.recipes.models import Models, models_of
from lm_eval_iberian.recipes.request import INSTRUCT, Request
from lm_eval_iberian.recipes.values import Values, values_of


DTYPES = ("bfloat16", "float16", "float32", "float64")


def build(request: Request, catalogue: Catalogue) -> dict[str, Any]:
    """Return the recipe of a request.

    Raises:
        UnknownNameError: For a backbone, method, language, model or dtype that does not
            exist.
        DataError: For anything else that cannot be.
    """
    backbone, method = look_up(request, catalogue)
    models, values = models_of(request, backbone), values_of(request, catalogue)
    dtype = request.dtype or backbone.dtype
    if dtype not in DTYPES:
        raise UnknownNameError("dtype", dtype, DTYPES)
    alone = method.alone or request.fused
    recipe: dict[str, Any] = {"merge_method": method.fused if alone else request.method}
    if method.start != "none":
        recipe["base_model"] = (
            models.base if method.start == "base" else models.instruct
        )
    recipe["models"] = _listed(method, models, values)
    if values.shared:
        recipe["parameters"] = dict(values.shared)
    return recipe | {"dtype": dtype, "tokenizer_source": models.instruct}


def look_up(request: Request, catalogue: Catalogue) -> tuple[Backbone, Method]:
    """Return the backbone and the method of a request.

    Raises:
        UnknownNameError: If there is no such thing.
        DataError: If the method does not take so many languages.
    """
    if request.backbone not in catalogue.backbones:
        raise UnknownNameError("backbone", request.backbone, catalogue.backbones)
    if request.method not in catalogue.methods:
        raise UnknownNameError("method", request.method, catalogue.methods)
    method = catalogue.methods[request.method]
    if method.experts is not None and len(request.languages) > method.experts:
        raise DataError(
            f"{request.method} takes {method.experts} language, not"
            f" {len(request.languages)}: {', '.join(request.languages)}."
        )
    return catalogue.backbones[request.backbone], method


def _listed(method: Method, models: Models, values: Values) -> list[dict[str, Any]]:
    parts = {INSTRUCT: models.instruct, **models.experts}
    if method.start == "instruct":
        del parts[INSTRUCT]
    listed = []
    for part, model in parts.items():
        parameters = dict(values.each[part])
        if method.alone:
            parameters["role"] = "task" if part == INSTRUCT else "language"
        entry: dict[str, Any] = {"model": model}
        listed.append(entry | ({"parameters": parameters} if parameters else {}))
    return listed
