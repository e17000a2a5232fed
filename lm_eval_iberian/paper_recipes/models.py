"""Which models a request names: those of the catalogue, or others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paper_recipes.recipe_catalogue import Backbone, LanguageExpert
from lm_eval_iberian.paper_recipes.request import INSTRUCT, Request


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
