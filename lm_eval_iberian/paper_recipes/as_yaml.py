"""A recipe as a file: a comment that says what it is, then YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paper_recipes.build import build, look_up, models_of
from lm_eval_iberian.paper_recipes.recipe_catalogue import RecipeCatalogue, RecipeMethod
from lm_eval_iberian.paper_recipes.request import Request
from lm_eval_iberian.terminal import shown


_WIDTH = 88


def recipe_text(
    request: Request,
    catalogue: RecipeCatalogue,
    tables: tuple[int, ...] = (),
    suggested: str = "",
) -> str:
    """Return the file of a recipe.

    Args:
        request: What is asked for.
        catalogue: What there is.
        tables: The tables of the paper that the merge is for.
        suggested: What suggests it, where it is untested.

    Raises:
        IberianError: As ``build`` does.
    """
    recipe = build(request, catalogue)
    comment = [f"# {shown(request.command)}"]
    if suggested:
        comment += _wrapped(f"UNTESTED with these models: {suggested}")
    for part in _comment(request, catalogue, tables):
        comment += _wrapped(part)
    body = yaml.dump(
        recipe, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000
    )
    return "\n".join([*comment, "", body])


def named(numbers: tuple[int, ...]) -> str:
    """Return ``table 8`` or ``tables 3, 5, 6 and 7``."""
    *first, last = map(str, numbers)
    return f"tables {', '.join(first)} and {last}" if first else f"table {last}"


def check_text(text: str) -> None:
    """Check a recipe with mergekit's configuration and, if ours, our own checks.

    Slow the first time: mergekit is imported.

    Raises:
        DataError: With what is wrong.
    """
    from mergekit_ext.errors import MergeError
    from mergekit_ext.merge_file import validate_recipe

    try:
        validate_recipe(text)
    except MergeError as error:
        raise DataError(f"The recipe does not hold: {error}") from error


def turn_sentences(text: str) -> tuple[str, ...]:
    """Say how the result of a recipe ends its turns, where its models are here."""
    from mergekit_ext.merge_file import recipe_turns

    return recipe_turns(text)


def _comment(
    request: Request, catalogue: RecipeCatalogue, tables: tuple[int, ...]
) -> Iterator[str]:
    backbone, method = look_up(request, catalogue)
    if tables:
        yield f"Merge and Conquer (Valero et al., 2026): the set for {named(tables)}"
    if request.backbone is None:
        return
    yield f"{backbone.what}, {request.method}, {', '.join(request.languages)}"
    yield f"Values that are not in the command: {_source(method)}"
    if (several := len(request.languages)) not in (1, len(backbone.experts)):
        yield (
            f"The weights are not the authors': they merge one language or all, and"
            f" these are {several}, which share what all have there"
        )
    for lang in models_of(request, backbone).unknown:
        yield (
            f"EXPERT_{lang.upper()} stands for the authors'"
            f" {backbone.experts[lang].called}, whose id is not known here: put an id"
            f" or a folder in its place, or make the recipe with --expert {lang}=ID"
        )


def _source(method: RecipeMethod) -> str:
    if method.source.startswith("scripts"):
        return f"the authors' {method.source}"
    return method.source


def _wrapped(part: str) -> list[str]:
    return textwrap.wrap(
        part, _WIDTH, initial_indent="# ", subsequent_indent="#   ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Indents lists, and knows no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True
