"""The tokens whose rows a recipe keeps whole: read from the models, or known."""

from __future__ import annotations

import difflib
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paper_recipes.recipe_catalogue import Backbone
from mergekit_ext.errors import InputError
from mergekit_ext.inputs.chat_tokens import chat_tokens
from mergekit_ext.inputs.checkpoints import locate
from mergekit_ext.inputs.turn_ends import TurnEnds, read_turn_ends
from mergekit_ext.recipes.recipe import Model


_ASKED = "--special-tokens"


def special_tokens(
    backbone: Backbone, instruct: str, base: str, giver: str
) -> tuple[str, ...]:
    """Return the tokens that the instructed model alone has learnt to use.

    Args:
        backbone: What is known of the models where they are not here.
        instruct: The instructed model, a folder or an id on the hub.
        base: The base model; empty where the merge has none.
        giver: The one of the two that gives the rows.

    Raises:
        DataError: If neither the model nor anything of it is here, a file of it is
            broken, it has no such tokens, or the giver lacks one.
    """
    theirs = _read(base) if base else None
    ours = _read(instruct, needed=not _is_known(backbone, instruct))
    if ours is None:
        found = backbone.chat_tokens
    else:
        found = chat_tokens(ours, theirs)
        if not found:
            raise DataError(
                f"{_ASKED}: {instruct!r} has no chat tokens: its template writes no"
                " added token, and it ends on nothing that the base does not end on"
                " too. Leave the option out."
            )
    if giver == base and theirs is not None:
        _check_has(theirs, found)
    return found


def _is_known(backbone: Backbone, instruct: str) -> bool:
    return instruct == backbone.instruct and bool(backbone.chat_tokens)


def _read(model: str, *, needed: bool = False) -> TurnEnds | None:
    """Return what a model says of its tokens; ``None`` where it is not here.

    Raises:
        DataError: If it is broken, or not here and needed.
    """
    path, _, adapter = model.partition("+")
    revision = ""
    if not Path(path).is_dir():
        path, _, revision = path.partition("@")
    reference = Model(model, path, revision or None, adapter or None)
    why = f"Model {model!r} is not in the hub cache; fetch it: hf download {path}"
    try:
        folder = locate(reference, marker="tokenizer_config.json")
    except InputError as error:
        folder, why = None, str(error)
    if folder is None:
        if needed:
            raise DataError(f"{_ASKED} needs the tokenizer of {model!r}. {why}")
        return None
    found = read_turn_ends(model, folder)
    if found.faults:
        raise DataError(f"{_ASKED}: {found.faults[0]}")
    if needed and not found.ids:
        raise DataError(
            f"{_ASKED}: {folder} holds no tokenizer.json that would say which tokens"
            f" {model!r} has."
        )
    return found


def _check_has(giver: TurnEnds, tokens: tuple[str, ...]) -> None:
    for token in tokens:
        if giver.ids and token not in giver.ids:
            near = difflib.get_close_matches(token, giver.ids, n=3, cutoff=0.5)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise DataError(
                f"{_ASKED}: {giver.model!r} has no token {token!r}.{hint} Only the"
                " instructed model can give its row."
            )
