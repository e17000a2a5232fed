"""Which tokens a conversation is made of, and no base model has learnt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.inputs.chat_tokens import chat_tokens
from mergekit_ext.inputs.turn_ends import TurnEnds, read_turn_ends


WORDS = {"assistant": 0, "</s>": 1, "mendi": 2, "STOP": 3}
ADDED = ["<s>", "<|user|>", "<|end|>", "<|eom|>", "<|unused|>"]
CHAT = "{{ bos_token }}<|user|>{{ text }}<|end|>assistant"
# why -> files of the instructed model, files of the base (None: not here), tokens
CASES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, list[str]]] = {
    "what the template writes": ({}, {}, ["<|user|>", "<|end|>"]),
    "ends, a plain word too": (
        {"config": {"eos_token_id": [3, 6]}, "template": None},
        {},
        ["STOP", "<|end|>"],
    ),
    "ends of the generation alone": (
        {"generation_config": {"eos_token_id": [6, 7]}},
        {},
        ["<|user|>", "<|end|>", "<|eom|>"],
    ),
    "what the base ends on it has learnt": (
        {"config": {"eos_token_id": [1, 6]}},
        {"config": {"eos_token_id": 1}},
        ["<|user|>", "<|end|>"],
    ),
    "what the base begins with it has learnt": (
        {"template": "<s><|user|>{{ text }}"},
        {"config": {"bos_token_id": 4}},
        ["<|user|>"],
    ),
    "the beginning of a document, by the instructed model": (
        {"template": "<s><|user|>{{ text }}", "config": {"bos_token_id": 4}},
        None,
        ["<|user|>"],
    ),
    "what the base lacks": (
        {"template": None},
        {"added": ADDED[:3]},
        ["<|eom|>", "<|unused|>"],
    ),
    "a base without a tokenizer lacks nothing": (
        {},
        {"added": None},
        ["<|user|>", "<|end|>"],
    ),
    "every template of several": (
        {
            "template": [
                {"name": "default", "template": "<|user|>"},
                {"name": "tools", "template": "<|eom|>"},
            ]
        },
        {},
        ["<|user|>", "<|eom|>"],
    ),
    "no blanks, of which a template is full": (
        {"added": [*ADDED, "\n", ""], "template": f"{CHAT}\n"},
        {"added": [*ADDED, "\n", ""]},
        ["<|user|>", "<|end|>"],
    ),
    "none": ({"template": "{{ text }}"}, {}, []),
    "an id without a token": (
        {"config": {"eos_token_id": [99, -1]}},
        {},
        ["<|user|>", "<|end|>"],
    ),
}


def model(
    folder: Path,
    added: list[str] | None = ADDED,
    template: Any = CHAT,
    **files: Any,
) -> TurnEnds:
    folder.mkdir()
    files["tokenizer_config"] = {"chat_template": template} if template else {}
    if added is not None:
        listed = [{"content": one, "id": 4 + at} for at, one in enumerate(added)]
        files["tokenizer"] = {"model": {"vocab": WORDS}, "added_tokens": listed}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return read_turn_ends(folder.name, folder)


@pytest.mark.parametrize("why", CASES)
def test_chat_tokens(why: str, tmp_path: Path) -> None:
    ours, theirs, expected = CASES[why]
    instruct = model(tmp_path / "instruct", **ours)
    base = None if theirs is None else model(tmp_path / "base", **theirs)
    assert list(chat_tokens(instruct, base)) == expected
