"""What is to be known of a model's folder before anybody talks with it.

Read are its JSON files, the headers of its weights, and single rows of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.chat_tokens import chat_tokens
from mergekit_ext.inputs.checkpoints import Checkpoint, read_checkpoint, read_json
from mergekit_ext.inputs.token_rows import (
    TokenTensor,
    odd_rows,
    row_lengths,
    token_tensors,
)
from mergekit_ext.inputs.turn_checkup import (
    ModelFact,
    Remedy,
    State,
    check_turns,
    listed,
)
from mergekit_ext.inputs.turn_ends import CONFIG, TurnEnds, read_turn_ends


@dataclass(frozen=True)
class CheckedModel:
    """A model's folder: what it says of itself, and the headers of its weights.

    Args:
        ends: What it ends its turns on.
        checkpoint: Its tensors; ``None`` where there is a fault.
        fault: Why there are none; empty where the files are others than safetensors.
    """

    ends: TurnEnds
    checkpoint: Checkpoint | None
    fault: str = ""


def read_model(path: str) -> CheckedModel:
    """Read a folder as far as a check-up needs it.

    Raises:
        InputError: If it is no folder, or holds no configuration that can be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{path!r} {_no_folder(folder)}")
    read_json(path, folder / CONFIG)
    ends = read_turn_ends(path, folder)
    if any(folder.glob("pytorch_model*.bin")) and not any(
        folder.glob("*.safetensors*")
    ):
        return CheckedModel(ends, None)
    try:
        return CheckedModel(ends, read_checkpoint(path, folder))
    except InputError as error:
        return CheckedModel(ends, None, str(error))


def _no_folder(path: Path) -> str:
    if path.exists():
        return f"is a file; give the folder that it is in: {path.parent}"
    hub = len(path.parts) == 2 and not path.is_absolute() and path.parts[0] != ".."
    if hub and not path.parent.exists():
        return (
            "is no folder here; a model on the hub is looked at once it is fetched:"
            f" hf download {path} --local-dir {path.name}"
        )
    return "is no folder here, and local folders are what is looked at."


def check_model(
    model: CheckedModel, like: CheckedModel | None = None, factor: float = 2.0
) -> list[ModelFact]:
    """Return what was found in a model's folder.

    Args:
        model: The model.
        like: The instructed model that it is to behave as.
        factor: By how much the length of a row may differ from the other's, or from
            the median of the model's own, without being mentioned.
    """
    facts = check_turns(model.ends, None if like is None else like.ends)
    if model.checkpoint is None:
        why = "rows are read of safetensors alone, and the weights are in .bin files"
        state: State = "wrong" if model.fault else "note"
        remedy: Remedy = "fetch" if model.fault else ""
        return [*facts, ModelFact(state, "weights", model.fault or why, remedy)]
    tensors = token_tensors(model.checkpoint)
    if "embedding" not in tensors:
        why = "none of its tensors has a name that is known for the embedding"
        return [*facts, ModelFact("note", "vocabulary", why)]
    facts += [_vocabulary(model.ends, tensors), _head(model.ends, tensors)]
    others = {} if like is None else _tensors(like)
    for what, tensor in tensors.items():
        # a head that is the embedding is so in the other model too
        facts += _rows(what, tensor, model.ends, like, others.get(what), factor)
    return facts


def _tensors(like: CheckedModel) -> dict[str, TokenTensor]:
    found = {} if like.checkpoint is None else token_tensors(like.checkpoint)
    if "embedding" in found:
        found.setdefault("head", found["embedding"])
    return found


def _vocabulary(model: TurnEnds, tensors: dict[str, TokenTensor]) -> ModelFact:
    rows = {f"{what} rows": tensor.rows for what, tensor in tensors.items()}
    highest = max(model.ids.values(), default=-1) + 1
    sizes = {CONFIG: model.rows, "tokenizer": highest or None, **rows}
    told = ", ".join(f"{name} {size:,}" for name, size in sizes.items() if size)
    needed = max(highest, model.rows or 0)
    if any(count < needed for count in rows.values()):
        told += ": there are ids without a row"
        return ModelFact("wrong", "vocabulary", told, "merge")
    if model.rows is not None and any(count != model.rows for count in rows.values()):
        told += f": {CONFIG} does not say how many rows there are"
        return ModelFact("wrong", "vocabulary", told, "merge")
    return ModelFact("ok", "vocabulary", told)


def _head(model: TurnEnds, tensors: dict[str, TokenTensor]) -> ModelFact:
    nested = model.config.get("text_config")
    said = model.config.get("tie_word_embeddings")
    if isinstance(nested, dict):
        said = nested.get("tie_word_embeddings", said)
    own = "head" in tensors
    if said is False and not own:
        why = f"{CONFIG} says that it is untied, and the files hold none"
        return ModelFact("wrong", "head", why, "merge")
    if said and own:
        why = f"tied; its own, {tensors['head'].name}, is in the files and not used"
        return ModelFact("note", "head", why)
    return ModelFact("ok", "head", "its own, untied" if own else "tied: the embedding")


def _rows(
    what: str,
    tensor: TokenTensor,
    model: TurnEnds,
    like: CheckedModel | None,
    other: TokenTensor | None,
    factor: float,
) -> Iterator[ModelFact]:
    """Say which special tokens have rows unlike what they should be."""
    name = f"{what} rows"
    chat = chat_tokens(model if like is None else like.ends, None)
    ids = {one: model.ids[one] for one in (*chat, *model.added) if one in model.ids}
    lengths, whose = None, "the median of its other rows"
    try:
        if like is not None and other is not None:
            theirs = {one: like.ends.ids[one] for one in ids if one in like.ends.ids}
            lengths, whose = row_lengths(other, theirs), repr(like.ends.model)
        found = odd_rows(tensor, ids, model.ids.values(), lengths, factor)
    except InputError as error:
        yield ModelFact("wrong", name, str(error))
        return
    if not found.checked:
        yield ModelFact("note", name, "no special tokens to look at")
        return
    bad = [one for one in found.untrained if one in chat and lengths is None]
    if bad:
        why = f"never trained: {listed(bad)}, as the rows are near 0 or shared"
        yield ModelFact("wrong", name, why, "merge")
    told = {
        token: f"{token} {norm:.3g}, not {wanted:.3g}"
        for token, (norm, wanted) in found.unlike.items()
        if token not in bad
    }
    against = f"by a factor of more than {factor:g} unlike {whose}"
    ours = [text for token, text in told.items() if token in chat]
    rest = [text for token, text in told.items() if token not in chat]
    if ours:
        text = f"{against}: {listed(ours)}"
        known = lengths is not None
        state: State = "wrong" if known else "note"
        yield ModelFact(state, name, text, "merge" if known else "")
    if rest:
        yield ModelFact("note", name, f"of no chat, {against}: {listed(rest)}")
    if not (bad or told):
        count = len(found.checked)
        yield ModelFact("ok", name, f"{count} special tokens, none {against}")
