"""A request becomes a recipe: what mergekit's YAML holds, in reading order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paper_recipes.recipe_catalogue import (
    Backbone,
    LanguageExpert,
    RecipeCatalogue,
    RecipeMethod,
)
from lm_eval_iberian.paper_recipes.request import AVERAGE, INSTRUCT, Request
from lm_eval_iberian.paper_recipes.special_tokens import special_tokens
from lm_eval_iberian.paper_recipes.values import Values, values_of
from mergekit_ext.dtypes import DTYPES
from mergekit_ext.methods.layer_swap import LAYER_SWAP


@dataclass(frozen=True)
class Models:
    """The models of a merge.

    Args:
        base: The base model.
        instruct: The instructed model.
        experts: The language experts, by language.
        unknown: The languages whose expert has a name that only stands for one.
    """

    base: str
    instruct: str
    experts: Mapping[str, str]
    unknown: tuple[str, ...]


def build(request: Request, catalogue: RecipeCatalogue) -> dict[str, Any]:
    """Return the recipe of a request.

    Raises:
        UnknownNameError: For a backbone, method, language, model or dtype that does not
            exist.
        DataError: For anything else that cannot be.
    """
    backbone, method = look_up(request, catalogue)
    models, values = models_of(request, backbone), values_of(request, catalogue)
    dtype = request.dtype or backbone.dtype
    if dtype and dtype not in DTYPES:
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
    if dtype:
        recipe["dtype"] = dtype
    if request.special_tokens == AVERAGE:
        return recipe | {"tokenizer_source": models.instruct}
    _check_whole(request, method, values)
    giver = models.base if request.special_tokens == "base" else models.instruct
    tokens = special_tokens(backbone, models.instruct, models.base, giver)
    entries = {token: {"source": giver, "force": True} for token in tokens}
    return recipe | {"tokenizer": {"source": models.instruct, "tokens": entries}}


def look_up(
    request: Request, catalogue: RecipeCatalogue
) -> tuple[Backbone, RecipeMethod]:
    """Return the backbone and the method of a request.

    Raises:
        UnknownNameError: If there is no such thing.
        DataError: If the method does not take so many languages.
    """
    if request.backbone not in (None, *catalogue.backbones):
        raise UnknownNameError("backbone", str(request.backbone), catalogue.backbones)
    for name, known in catalogue.methods.items():
        if request.method == known.fused and request.method != name:
            raise DataError(
                f"{known.fused} is this project's {name}; ask for it with --method"
                f" {name} --fused."
            )
    if request.method not in catalogue.methods:
        raise UnknownNameError("method", request.method, catalogue.methods)
    method = catalogue.methods[request.method]
    if method.experts is not None and len(request.languages) > method.experts:
        raise DataError(
            f"{request.method} takes {method.experts} language, not"
            f" {len(request.languages)}: {', '.join(request.languages)}."
        )
    if request.backbone is not None:
        return catalogue.backbones[request.backbone], method
    if method.start == "base" and request.base is None:
        raise DataError(f"{request.method} starts from a base model: --base ID.")
    return _own(request), method


def _own(request: Request) -> Backbone:
    """Return the backbone that somebody's own models make; its dtype may be unknown."""
    base, instruct = request.base or "", request.instruct or ""
    dtypes = (_dtype(model) for model in (base, instruct, *request.experts.values()))
    found = next((dtype for dtype in dtypes if dtype), "")
    return Backbone("", base, instruct, found, "", {})


def _dtype(model: str) -> str:
    """Return the dtype in a folder's configuration, if it is one to merge in."""
    try:
        text = (Path(model) / "config.json").read_text(encoding="utf-8")
        config = json.loads(text)
        found = config.get("dtype") or config.get("torch_dtype")
    except (OSError, ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) and found in DTYPES else ""


def models_of(request: Request, backbone: Backbone) -> Models:
    """Return the models of a request.

    Raises:
        UnknownNameError: For a language without an expert, known or given.
        DataError: Where one model has two parts.
    """
    experts = dict(_experts(request, backbone.experts))
    found = Models(
        request.base or backbone.base,
        request.instruct or backbone.instruct,
        experts,
        tuple(lang for lang in experts if _is_unknown(lang, request, backbone)),
    )
    parts = {"base": found.base, INSTRUCT: found.instruct, **experts}
    used: dict[str, str] = {}
    for part, model in parts.items():
        if model in used:
            raise DataError(f"{model!r} is both {used[model]} and {part}.")
        used[model] = part
    return found


def _check_whole(request: Request, method: RecipeMethod, values: Values) -> None:
    """Check that a method leaves a row that all models have as it is."""
    asked = f"--special-tokens {request.special_tokens}"
    if request.special_tokens == "base" and method.start != "base":
        raise DataError(
            f"{asked}: {request.method} merges no base model that could give its rows;"
            f" use --special-tokens {INSTRUCT}."
        )
    weighed = not values.shared.get("normalize", True)
    if request.method == "linear" and not request.fused and weighed:
        raise DataError(
            f"{asked}: mergekit's linear with --normalize false multiplies every row by"
            " the sum of the weights, these too. Add --fused."
        )


def _is_unknown(lang: str, request: Request, backbone: Backbone) -> bool:
    return lang not in request.experts and backbone.experts[lang].id is None


def _experts(
    request: Request, known: Mapping[str, LanguageExpert]
) -> Iterator[tuple[str, str]]:
    for lang in request.experts:
        if lang not in request.languages:
            raise DataError(
                f"--expert {lang}=… is for a language that is not asked for; add"
                f" --lang {lang}."
            )
    for lang in request.languages:
        if lang in request.experts:
            yield lang, request.experts[lang]
        elif lang in known:
            yield lang, known[lang].id or f"EXPERT_{lang.upper()}"
        else:
            raise UnknownNameError(f"language of {request.backbone}", lang, known)


def _listed(
    method: RecipeMethod, models: Models, values: Values
) -> list[dict[str, Any]]:
    parts = {INSTRUCT: models.instruct, **models.experts}
    if method.start == "instruct":
        del parts[INSTRUCT]
    listed = []
    for part, model in parts.items():
        parameters = dict(values.each[part])
        if method.fused == LAYER_SWAP.name:
            parameters["role"] = "task" if part == INSTRUCT else "language"
        entry: dict[str, Any] = {"model": model}
        listed.append(entry | ({"parameters": parameters} if parameters else {}))
    return listed
