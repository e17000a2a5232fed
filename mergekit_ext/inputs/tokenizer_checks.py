"""Whether models mean the same token by the same row of their embeddings."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint, file_state, read_json


TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model")
_SHOWN = 3


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a tokenizer."""
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def check_tokenizers(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Check that all tokenizers have the vocabulary of the first one.

    Compared are the tokens and their ids, those added later included; chat templates
    may differ. A model without a tokenizer is taken to share the others'.

    Returns:
        A sentence for each model that could not be compared.

    Raises:
        InputError: Naming two models and the first tokens in which they differ.
    """
    first: Checkpoint | None = None
    notes = []
    for other in checkpoints:
        if not has_tokenizer(other.folder):
            notes.append(
                f"Model {other.model!r} has no tokenizer; its vocabulary is taken to be"
                " that of the others."
            )
        elif first is None:
            first = other
        elif not (_same_file(first, other) or _check_pair(first, other)):
            notes.append(
                f"The tokenizers of {first.model!r} and {other.model!r} are in files of"
                " different kinds and were not compared."
            )
    return notes if first is not None else []


def _same_file(first: Checkpoint, other: Checkpoint) -> bool:
    for name in TOKENIZER_FILES:
        ours, theirs = first.folder / name, other.folder / name
        if ours.is_file() and theirs.is_file():
            return (
                ours.stat().st_size == theirs.stat().st_size
                and ours.read_bytes() == theirs.read_bytes()
            )
    return False


def _check_pair(first: Checkpoint, other: Checkpoint) -> bool:
    """Compare two tokenizers; whether there was anything to compare."""
    as_json, as_model = (
        all((one.folder / name).is_file() for one in (first, other))
        for name in TOKENIZER_FILES
    )
    if not as_json:
        if as_model:
            raise InputError(
                f"The tokenizer.model of {first.model!r} and that of {other.model!r}"
                f" are different files.{_ADVICE}"
            )
        return False
    ours, theirs = vocabulary(first), vocabulary(other)
    if ours != theirs:
        raise InputError(
            f"The vocabularies of {first.model!r} and {other.model!r} differ:"
            f" {_difference(ours, theirs)}.{_ADVICE}"
        )
    return True


_ADVICE = (
    " A merge would mix the embeddings of different tokens: let mergekit align them"
    " with tokenizer_source: base (or union)."
)


def vocabulary(checkpoint: Checkpoint) -> Mapping[str, int]:
    """Return the ids of all tokens in a model's ``tokenizer.json``.

    Those of the last models are kept, as long as their files are not written again.

    Raises:
        InputError: If it cannot be read.
    """
    path = checkpoint.folder / "tokenizer.json"
    state = file_state(path) if path.is_file() else None
    return MappingProxyType(_vocabulary(checkpoint.model, path, state))


@lru_cache(maxsize=4)
def _vocabulary(model: str, path: Path, state: Hashable) -> dict[str, int]:
    return token_ids(model, path, read_json(model, path))


def token_ids(model: str, path: Path, content: Mapping[str, Any]) -> dict[str, int]:
    """Return the ids of all tokens of what a ``tokenizer.json`` holds.

    Args:
        model: Whose it is.
        path: Where it was read.
        content: What it holds.

    Raises:
        InputError: If it is no tokenizer.
    """
    try:
        found = _ids(content["model"].get("vocab") or {})
        for token in content.get("added_tokens") or []:
            found[token["content"]] = token["id"]
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"Model {model!r}: {path} is no tokenizer ({error!r})."
        ) from error
    return found


def _ids(vocabulary: Any) -> dict[str, int]:
    if isinstance(vocabulary, Mapping):
        return dict(vocabulary)
    # Unigram: pairs of token and score, in the order of their ids
    return {entry[0]: index for index, entry in enumerate(vocabulary)}


def _difference(ours: Mapping[str, int], theirs: Mapping[str, int]) -> str:
    tokens = [t for t in ours.keys() | theirs.keys() if ours.get(t) != theirs.get(t)]
    tokens.sort(key=lambda token: (min(_places(token, ours, theirs)), token))
    shown = [
        f"{token!r} is {_id(ours, token)} in the one and {_id(theirs, token)} in the"
        " other"
        for token in tokens[:_SHOWN]
    ]
    more = f"; and {len(tokens) - _SHOWN} more" if len(tokens) > _SHOWN else ""
    return "; ".join(shown) + more


def _places(token: str, *vocabularies: Mapping[str, int]) -> list[int]:
    return [v[token] for v in vocabularies if token in v]


def _id(vocabulary: Mapping[str, int], token: str) -> str:
    return f"token {vocabulary[token]}" if token in vocabulary else "absent"
