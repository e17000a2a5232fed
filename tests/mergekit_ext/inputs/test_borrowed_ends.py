"""What a model takes over from another, in numbers of its own vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.inputs.borrowed_ends import borrow
from mergekit_ext.inputs.turn_ends import TurnEnds, read_turn_ends


TOKENIZER = {
    "model": {"vocab": {"a": 0, "b": 1}},
    "added_tokens": [{"id": 2, "content": "</s>"}, {"id": 3, "content": "<turn|>"}],
}
RENUMBERED = {
    "model": {"vocab": {"<turn|>": 0, "</s>": 1, "b": 2, "a": 3, "new": 4}},
    "added_tokens": [],
}


def model(folder: Path, **files: Any) -> TurnEnds:
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return read_turn_ends(folder.name, folder)


def pair(folder: Path, generation: dict[str, Any]) -> tuple[TurnEnds, TurnEnds]:
    donor = model(
        folder / "it",
        config={"vocab_size": 4, "eos_token_id": [2, 3]},
        generation_config=generation,
        tokenizer=TOKENIZER,
    )
    own = model(folder / "own", config={"vocab_size": 5}, tokenizer=RENUMBERED)
    return donor, own


def test_every_number_is_looked_up(tmp_path: Path) -> None:
    given = {
        "eos_token_id": [3, 2],
        "forced_eos_token_id": 2,
        "decoder_start_token_id": 0,
        "suppress_tokens": [0, 1],
        "repetition_penalty": 1.1,
        "max_new_tokens": 3,
    }
    found = borrow(*pair(tmp_path, given))
    assert found.generation == {
        "eos_token_id": [0, 1],
        "forced_eos_token_id": 1,
        "decoder_start_token_id": 3,
        "suppress_tokens": [3, 2],
        "repetition_penalty": 1.1,
        "max_new_tokens": 3,
    }
    assert found.notes == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [("bad_words_ids", [[0, 1]]), ("suppress_tokens", [0, 99]), ("x_token_id", "a")],
)
def test_what_cannot_be_looked_up_is_left_out(
    tmp_path: Path, key: str, value: Any
) -> None:
    found = borrow(*pair(tmp_path, {key: value}))
    assert found.generation == {"eos_token_id": [1, 0]}
    (note,) = found.notes
    assert note.startswith(f"{key} of 'it' is of tokens that the result numbers")


def test_with_one_vocabulary_all_is_kept(tmp_path: Path) -> None:
    given = {"bad_words_ids": [[0, 1]], "eos_token_id": 3, "top_k": 1}
    donor = model(
        tmp_path / "it",
        config={"vocab_size": 4},
        tokenizer=TOKENIZER,
        generation_config=given,
    )
    own = model(tmp_path / "own", config={"vocab_size": 4}, tokenizer=TOKENIZER)
    assert borrow(donor, own).generation == given


def test_models_without_a_tokenizer_share_one(tmp_path: Path) -> None:
    donor = model(tmp_path / "it", config={"vocab_size": 4, "eos_token_id": [2, 3]})
    own = model(tmp_path / "own", config={"vocab_size": 4}, tokenizer=TOKENIZER)
    found = borrow(donor, own)
    assert (found.ends, found.shown) == ((2, 3), ("</s>", "<turn|>"))


ODD = [True, 2.5, "2", [], {}, [[2]], ["2"], {"content": 3}, [None], [{"id": 2}]]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values_are_nobodys_end(tmp_path: Path, value: Any) -> None:
    files: dict[str, Any] = {
        "config": {"eos_token_id": value, "vocab_size": value, "pad_token_id": value},
        "generation_config": {"eos_token_id": value, "suppress_tokens": value},
        "tokenizer": {
            "model": {"vocab": {"a": 0, "</s>": value}},
            "added_tokens": [{"id": value, "content": "</s>"}],
        },
        "tokenizer_config": {
            "eos_token": value,
            "chat_template": value,
            "added_tokens_decoder": value,
        },
    }
    odd = model(tmp_path / "odd", **files)
    own = model(tmp_path / "own", config={"vocab_size": 4}, tokenizer=TOKENIZER)
    assert borrow(odd, own).ends == ()
    borrow(own, odd)
