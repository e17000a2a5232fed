"""Whose chat template a merge carries, and what the result ends its turns on.

The rule, in this order:

1. the model whose template the recipe's ``chat_template`` is;
2. the model that ``tokenizer_source`` (or ``tokenizer: source:``) names;
3. the one that has a template. Of several, those do not count that end on nothing that
   their template writes, as base models with the template of their family do. Of
   models with one template, the one with the most end tokens. Of models with
   different ones, the one whose tokenizer the result gets, or else the first;
4. none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mergekit_ext.compat import part
from mergekit_ext.inputs.turn_ends import EOS, TurnEnds
from mergekit_ext.recipes.recipe import Model, Recipe


def choose_donor(
    recipe: Recipe,
    found: Mapping[Model, TurnEnds],
    owner: TurnEnds | None,
    names: Mapping[Model, str],
) -> tuple[TurnEnds | None, list[str]]:
    """Choose a donor by the rule.

    Args:
        recipe: What is merged.
        found: Its models, and one that gives its tokenizer alone.
        owner: The one whose tokenizer the result gets, or is built on.
        names: What each is called in what is told.

    Returns:
        The donor, if there is one, and what the user should know of the choice.
    """
    models = list(found.values())
    having = [one for one in models if one.template is not None]
    text = given_template(recipe, found)
    same = [one for one in having if carries(one, text)]
    if same:
        return _fullest(same, owner), []
    if isinstance(recipe.tokenizer_source, Model):
        return owner, []
    able = [one for one in having if one.ends_by_template] or having
    groups: dict[str, list[TurnEnds]] = {}
    for one in able:
        if one.template is not None:
            groups.setdefault(one.template.text.strip(), []).append(one)
    if not groups:
        return None, []
    ours = [group for group in groups.values() if any(o is owner for o in group)]
    group = ours[0] if ours else next(iter(groups.values()))
    donor = _fullest(group, owner)
    if len(groups) == 1:
        return donor, []
    named = {one.model: names[model] for model, one in found.items()}
    why = "whose tokenizer the result has" if ours else "the first in the recipe"
    return donor, [
        "The chat templates of "
        f"{', '.join(named[group[0].model] for group in groups.values())} differ; the"
        f" result carries that of {named[donor.model]}, {why}. To have another, name"
        " its model in tokenizer_source."
    ]


def carries(model: TurnEnds | None, text: str | None) -> bool:
    """Whether a model has a template, white space around it aside."""
    return (
        model is not None
        and model.template is not None
        and model.template.text.strip() == text
    )


def given_template(recipe: Recipe, found: Mapping[Model, TurnEnds]) -> str | None:
    """Return the template that the recipe itself asks mergekit to write, if any.

    White space around it does not count.
    """
    asked = recipe.chat_template
    if not asked:
        return None
    if asked == "auto":
        texts = [
            found[model].template.text.strip()  # type: ignore[union-attr]
            for model in recipe.models
            if model in found and found[model].template is not None
        ]
        return Counter(texts).most_common(1)[0][0] if texts else None
    folder = Path(str(part("_data.chat_templates").__file__)).parent
    file = folder / f"{asked}.jinja"
    if len(asked) < 256 and "{" not in asked and file.is_file():
        return file.read_text(encoding="utf-8").strip()
    return asked.strip()


def _fullest(models: Sequence[TurnEnds], owner: TurnEnds | None) -> TurnEnds:
    """Return the model that says most of how a turn ends; the first of equals."""

    def known(one: TurnEnds) -> tuple[bool, int, bool, bool]:
        ends = [number for number in one.all_ids(EOS) if one.is_valid(number)]
        has_settings = one.generation is not None
        return one.ends_by_template, len(ends), has_settings, one is owner

    return max(models, key=known)
