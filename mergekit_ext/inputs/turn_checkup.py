"""What a model's JSON files say of a conversation with it, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mergekit_ext.inputs.turn_ends import BOS, EOS, PAD, TOKENIZER, TurnEnds


State = Literal["ok", "note", "wrong"]
# what can be done: to the files beside the weights, by another merge, or not here
Remedy = Literal["", "mend", "merge", "fetch"]
_SHOWN = 8


@dataclass(frozen=True)
class ModelFact:
    """One line of a check-up."""

    state: State
    what: str
    found: str
    remedy: Remedy = ""


def check_turns(model: TurnEnds, like: TurnEnds | None) -> list[ModelFact]:
    """Return what a model ends on, its template, what it begins and pads with.

    Args:
        model: The model.
        like: The instructed model that it is to behave as.
    """
    return [
        *(ModelFact("wrong", "file", one, "fetch") for one in model.faults),
        _ends(model, like),
        _template(model, like),
        _single(model, BOS, "begins with"),
        _single(model, PAD, "pads with"),
    ]


def listed(texts: Iterable[str]) -> str:
    """Return some texts in a line, the first of very many."""
    every = list(texts)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def _ends(model: TurnEnds, like: TurnEnds | None) -> ModelFact:
    """Say what ends an answer: generate asks one file, and a program the tokenizer."""
    sources = {
        "config": model.config_ids(EOS),
        "generation config": model.generation_ids(EOS),
        "tokenizer": model.tokenizer_ids(EOS),
    }
    given = {name: ids for name, ids in sources.items() if ids}
    if not given:
        return ModelFact("wrong", "ends on", "nothing: no file names a token", "mend")
    told = "; ".join(f"{name}: {_named(model, ids)}" for name, ids in given.items())
    if len({frozenset(ids) for ids in given.values()}) == 1:
        told = _named(model, next(iter(given.values())))
    if bad := [one for one in model.all_ids(EOS) if not model.is_valid(one)]:
        why = f"{listed(map(str, bad))} is no id of its vocabulary"
        return ModelFact("wrong", "ends on", f"{told}. {why}", "mend")
    obeyed = _obeyed(model)
    lost = [one for one in _wanted(model, like) if one not in obeyed]
    if lost:
        why = f"generate does not end on {listed(lost)}"
        return ModelFact("wrong", "ends on", f"{told}. {why}", "mend")
    configured, generated = given.get("config"), given.get("generation config")
    if configured and generated and {*configured} != {*generated}:
        why = "its files disagree, and generate goes by the generation config"
        return ModelFact("note", "ends on", f"{told}: {why}")
    return ModelFact("ok", "ends on", told)


def _obeyed(model: TurnEnds) -> set[str | None]:
    """Return the tokens at which transformers' generate stops."""
    ids = model.generation_ids(EOS) or model.config_ids(EOS)
    return {model.text(number) for number in ids}


def _wanted(model: TurnEnds, like: TurnEnds | None) -> list[str]:
    """Return the tokens at which it should: its tokenizer's, and those of the other."""
    found = [model.named["eos_token"]] if "eos_token" in model.named else []
    if not model.ends_by_template:
        found += model.template_ends
    if like is not None:
        found += [one for one in _obeyed(like) if one and one in model.ids]
    return list(dict.fromkeys(found))


def _template(model: TurnEnds, like: TurnEnds | None) -> ModelFact:
    theirs = None if like is None else like.template
    if model.template is None:
        if like is None or theirs is None:
            return ModelFact("note", "chat template", "none")
        why = f"none, and {like.model!r} has one"
        return ModelFact("wrong", "chat template", why, "mend")
    where = ", ".join(model.template.files) or TOKENIZER
    text = model.template.text
    written = [one for one in model.added if one.strip() and one in text]
    found = f"in {where}; writes {listed(written) if written else 'no added token'}"
    if like is None or theirs is None:
        return ModelFact("ok", "chat template", found)
    if theirs.text == text:
        return ModelFact("ok", "chat template", f"that of {like.model!r}, {found}")
    return ModelFact("note", "chat template", f"not that of {like.model!r}; {found}")


def _single(model: TurnEnds, key: str, what: str) -> ModelFact:
    ids = model.all_ids(key)
    if not ids:
        return ModelFact("note", what, "nothing: no file names a token")
    told = _named(model, ids)
    if bad := [one for one in ids if not model.is_valid(one)]:
        told += f". {listed(map(str, bad))} is no id of its vocabulary"
        return ModelFact("wrong", what, told, "mend")
    if len(ids) > 1:
        return ModelFact("note", what, f"{told}: its files disagree")
    return ModelFact("ok", what, told)


def _named(model: TurnEnds, ids: Sequence[int]) -> str:
    return listed(
        f"{text} ({number})" if (text := model.text(number)) else str(number)
        for number in ids
    )
