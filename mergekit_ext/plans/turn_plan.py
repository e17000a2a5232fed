"""What the result of a merge ends its turns on, told before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mergekit_ext.inputs.borrowed_ends import Borrowed, borrow
from mergekit_ext.inputs.chat_template import ChatTemplate
from mergekit_ext.inputs.checkpoints import locate
from mergekit_ext.inputs.tokenizer_source import same_model
from mergekit_ext.inputs.turn_ends import TOKENIZER, TurnEnds, read_turn_ends
from mergekit_ext.plans.template_donor import carries, choose_donor, given_template
from mergekit_ext.recipes.recipe import Model, Recipe


@dataclass(frozen=True)
class TurnPlan:
    """How the turns of a result will end.

    Args:
        donor: The model that it takes after, if there is one.
        borrowed: What it takes over, as far as can be told before it is there.
        template: Whose chat template it carries: a model's, the recipe's, or nobody's.
        own_template: Whether the recipe gives the template itself.
        notes: What the user should know.
    """

    donor: TurnEnds | None
    borrowed: Borrowed
    template: str | None
    own_template: bool
    notes: tuple[str, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """What a user is told: the notes, then how turns end."""
        return (*self.notes, self.line)

    @property
    def line(self) -> str:
        """How turns end, and whose template it is."""
        ends = ", ".join(self.borrowed.shown) or "nothing that is known"
        whose = f"template of {self.template}" if self.template else "no chat template"
        return f"ends on {ends}; {whose}"


def read_turns(
    recipe: Recipe, cache_dir: str | None = None, *, copied: bool = True
) -> TurnPlan | None:
    """Say how the turns of a result will end, if its models are here.

    Args:
        recipe: What is merged.
        cache_dir: The hub cache; ``None`` for the usual one.
        copied: Whether the base's tokenizer is copied where the recipe names none.

    Returns:
        ``None`` if one is not here: nothing is fetched.

    Raises:
        InputError: If one can only be a folder and is none.
    """
    folders = {model: locate(model, cache_dir) for model in recipe.models}
    source = recipe.tokenizer_source
    if isinstance(source, Model) and not any(same_model(source, m) for m in folders):
        folders[source] = locate(source, cache_dir, TOKENIZER)
    found = {
        model: read_turn_ends(model.name, folder)
        for model, folder in folders.items()
        if folder is not None
    }
    if len(found) < len(folders):
        return None
    return plan_turns(recipe, found, copied=copied)


def plan_turns(
    recipe: Recipe, found: Mapping[Model, TurnEnds], *, copied: bool = True
) -> TurnPlan:
    """Say how the turns of a result will end, before anything is written.

    Args:
        recipe: What is merged.
        found: Each of its models, and one that gives its tokenizer alone.
        copied: Whether the base's tokenizer is copied where the recipe names none.
    """
    owner = _owner(recipe, found, copied)
    own = _expected(recipe, found, owner)
    names = _short_names(found)
    donor, notes = choose_donor(recipe, found, owner, names)
    named = {one.model: names[model] for model, one in found.items()}
    text = given_template(recipe, found)
    own_template = text is not None
    of_recipe = own_template and not carries(donor, text)
    if text is not None:
        own = replace(own, template=ChatTemplate(text))
    borrowed = borrow(donor, own, own_template=own_template)
    carried = own.template if borrowed.template is None else borrowed.template
    template = None
    if of_recipe:
        template = "the recipe"
    elif carried is not None and own.has_tokenizer:
        text = carried.text.strip()
        owners = [donor, *found.values()]
        giver = next((one for one in owners if one and carries(one, text)), None)
        template = named[giver.model] if giver else "the tokenizer"
    faults = [fault for one in found.values() for fault in one.faults]
    notes = [*faults, *notes, *borrowed.notes]
    if donor is not None and borrowed.lacking:
        notes.append(
            f"{named[donor.model]} ends on {', '.join(borrowed.lacking)}, which the"
            " tokenizer of the result does not have."
        )
    if template is None:
        notes += _without(found, named, donor, borrowed, own)
    elif donor is not None and borrowed.unwritable:
        notes.append(
            f"The chat template of {named[donor.model]} is not carried, as the"
            f" tokenizer of the result lacks {', '.join(borrowed.unwritable)}."
        )
    return TurnPlan(donor, borrowed, template, own_template, tuple(notes))


def _owner(
    recipe: Recipe, found: Mapping[Model, TurnEnds], copied: bool
) -> TurnEnds | None:
    """Return the model whose tokenizer the result gets, or is built on."""
    source = recipe.tokenizer_source
    if isinstance(source, Model):
        return next((o for m, o in found.items() if same_model(m, source)), None)
    if not recipe.models or not (copied or recipe.sets_tokenizer):
        return None
    return found.get(recipe.models[0])


def _expected(
    recipe: Recipe, found: Mapping[Model, TurnEnds], owner: TurnEnds | None
) -> TurnEnds:
    """Return the result as mergekit will write it.

    The numbers of tokens that a union adds are not known before; their texts are.
    """
    first = found[recipe.models[0]]
    if owner is None or not owner.has_tokenizer:
        return TurnEnds("the result", Path(), first.config)
    config, ids = dict(first.config), dict(owner.ids)
    if recipe.sets_tokenizer and owner.lists_all:
        ids = _aligned(recipe, found, owner)
        config["vocab_size"] = len(ids)
    return replace(
        owner,
        model="the result",
        config=config,
        generation=None if recipe.sets_tokenizer else owner.generation,
        broken_settings=owner.broken_settings and not recipe.sets_tokenizer,
        ids=ids,
        faults=(),
    )


def _aligned(
    recipe: Recipe, found: Mapping[Model, TurnEnds], owner: TurnEnds
) -> dict[str, int]:
    """Return the tokens of the tokenizer that mergekit will build."""
    ids = dict(owner.ids)
    union = recipe.tokenizer_source == "union"
    if union or recipe.tokenizer_source == "base":  # without those that have no row
        ids = {token: one for token, one in ids.items() if owner.is_valid(one)}
    others = found.values() if union else ()
    more = [t for one in others for t, i in one.ids.items() if one.is_valid(i)]
    for token in (*more, *recipe.token_sources):
        ids.setdefault(token, len(ids))
    return ids


def _without(
    found: Mapping[Model, TurnEnds],
    named: Mapping[str, str],
    donor: TurnEnds | None,
    borrowed: Borrowed,
    own: TurnEnds,
) -> list[str]:
    """Say why a result has no chat template although an input has one."""
    having = [named[o.model] for o in found.values() if o.template is not None]
    if not having:
        return []
    text = f"The result has no chat template, although {having[0]} has one"
    if not own.has_tokenizer:
        return [f"{text}: it gets no tokenizer that could carry it."]
    if donor is not None and borrowed.unwritable:
        lacks = ", ".join(borrowed.unwritable)
        return [
            f"{text}: its tokenizer lacks {lacks}; name {having[0]} in"
            " tokenizer_source."
        ]
    return [f"{text}; to have it, name {having[0]} in tokenizer_source."]


def _short_names(found: Mapping[Model, TurnEnds]) -> dict[Model, str]:
    """Return the last part of each model's name, where no two share it."""
    last = {model: Path(model.path).name or model.name for model in found}
    count = Counter(last.values())
    return {m: name if count[name] == 1 else m.name for m, name in last.items()}
