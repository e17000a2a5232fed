"""What a folder says of how a turn ends, from whichever of its files says it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.inputs import turn_ends
from mergekit_ext.inputs.turn_ends import BOS, EOS, PAD, TurnEnds, read_turn_ends


VOCABULARY = {"etxe": 0, "<|end_of_text|>": 1, "mendi": 2}
ADDED = [
    {"id": 3, "content": "<|begin|>", "special": True},
    {"id": 4, "content": "<|end_header_id|>", "special": True},
    {"id": 5, "content": "<|eot_id|>", "special": True},
]
TOKENIZER = {"model": {"type": "WordLevel", "vocab": VOCABULARY}, "added_tokens": ADDED}
CHAT = "{{ bos_token }}<|end_header_id|>{{ text }}<|eot_id|>"


def model(folder: Path, **files: Any) -> TurnEnds:
    """Write a model: name of a file without its suffix to what is in it."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, "utf-8")
    return read_turn_ends("m", folder)


def test_each_file_is_read(tmp_path: Path) -> None:
    found = model(
        tmp_path,
        config={"eos_token_id": 1, "vocab_size": 8, "bos_token_id": 3},
        generation_config={"eos_token_id": [1, 5], "temperature": 0.6},
        tokenizer=TOKENIZER,
        tokenizer_config={
            "eos_token": {"content": "<|eot_id|>"},
            "bos_token": "<|begin|>",
            "pad_token": None,
            "chat_template": CHAT,
        },
    )
    assert found.faults == ()
    assert (found.config_ids(EOS), found.generation_ids(EOS)) == ((1,), (1, 5))
    assert found.tokenizer_ids(EOS) == (5,)
    assert found.all_ids(EOS) == (1, 5)
    assert (found.all_ids(BOS), found.all_ids(PAD)) == ((3,), ())
    assert [found.text(number) for number in (0, 1, 5, 6)] == [
        "etxe",
        "<|end_of_text|>",
        "<|eot_id|>",
        None,
    ]
    assert found.rows == 8
    assert found.generation == {"eos_token_id": [1, 5], "temperature": 0.6}
    assert found.template is not None
    assert found.template.text == CHAT
    assert found.template_ends == ("<|eot_id|>",)


@pytest.mark.parametrize(
    ("vocab_size", "number", "valid"),
    [
        (8, 0, True),
        (8, 7, True),  # a row that no token has
        (8, 8, False),
        (8, -1, False),
        (4, 5, False),  # a token that has no row
        (None, 5, True),
        (None, 6, False),
    ],
)
def test_ids_that_are_none(
    tmp_path: Path, vocab_size: int | None, number: int, valid: bool
) -> None:
    config = {} if vocab_size is None else {"vocab_size": vocab_size}
    found = model(tmp_path, config=config, tokenizer=TOKENIZER)
    assert found.is_valid(number) is valid


def test_a_nested_configuration(tmp_path: Path) -> None:
    text = {"eos_token_id": [1, 5], "vocab_size": 8}
    found = model(tmp_path, config={"text_config": text, "model_type": "gemma3"})
    assert (found.config_ids(EOS), found.rows) == ((1, 5), 8)


TEMPLATES: dict[str, tuple[dict[str, str], Any, str]] = {
    "a string": ({}, "one", "one"),
    "a list": (
        {},
        [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}],
        "d",
    ),
    "a file goes first": ({"chat_template.jinja": "file"}, "one", "file"),
    "more files": (
        {"additional_chat_templates/rag.jinja": "r", "chat_template.jinja": "d"},
        None,
        "d",
    ),
    "only others": ({"additional_chat_templates/rag.jinja": "r"}, None, "r"),
    "of a processor": ({"chat_template.json": '{"chat_template": "p"}'}, None, "p"),
    "the processor's is last": (
        {"chat_template.json": '{"chat_template": "p"}'},
        "one",
        "one",
    ),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_wherever_they_are(tmp_path: Path, name: str) -> None:
    files, entry, text = TEMPLATES[name]
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(content, "utf-8")
    found = model(tmp_path, tokenizer_config={"chat_template": entry})
    assert found.template is not None
    assert found.template.text == text


@pytest.mark.parametrize("entry", [None, "", [], {}, 3, [3], [{"name": "default"}]])
def test_templates_that_are_none(tmp_path: Path, entry: Any) -> None:
    assert model(tmp_path, tokenizer_config={"chat_template": entry}).template is None


def test_a_template_that_writes_the_end_of_the_tokenizer(tmp_path: Path) -> None:
    found = model(
        tmp_path,
        tokenizer=TOKENIZER,
        tokenizer_config={
            "eos_token": "<|end_of_text|>",
            "chat_template": "{{ text + eos_token }}",
        },
    )
    assert found.template_ends == ("<|end_of_text|>",)


def test_a_base_with_the_template_of_its_family(tmp_path: Path) -> None:
    own = {"eos_token": "<|end_of_text|>", "chat_template": CHAT}
    base = model(tmp_path / "base", tokenizer=TOKENIZER, tokenizer_config=own)
    assert not base.ends_by_template
    ends = {"eos_token_id": [1, 5]}
    other = model(
        tmp_path / "instruct",
        tokenizer=TOKENIZER,
        tokenizer_config=own,
        generation_config=ends,
    )
    assert other.ends_by_template


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "generation": ({"generation_config": "{"}, "generation_config.json cannot be read"),
    "a list": ({"generation_config": []}, "does not hold a JSON object"),
    "config": ({"config": "no"}, "config.json cannot be read"),
    "tokenizer": ({"tokenizer": {"model": 3}}, "tokenizer.json is no tokenizer"),
    "tokenizer_config": ({"tokenizer_config": "{,}"}, "tokenizer_config.json cannot"),
    "an id that is none": (
        {"generation_config": {"eos_token_id": ["1", 5]}},
        "generation_config.json has eos_token_id ['1', 5], which is no id.",
    ),
    "old template": ({"chat_template": {"x": 1}}, "holds no chat template"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_broken_is_told(tmp_path: Path, name: str) -> None:
    files, told = FAULTS[name]
    good = {
        "config": {"eos_token_id": 1, "vocab_size": 8},
        "tokenizer": TOKENIZER,
        "tokenizer_config": {"eos_token": "<|eot_id|>"},
    }
    found = model(tmp_path, **(good | files))
    (fault,) = found.faults
    assert fault.startswith("Model 'm': ")
    assert told in fault
    assert found.all_ids(EOS), "what else there is counts"


def test_nothing_there(tmp_path: Path) -> None:
    found = model(tmp_path)
    assert (found.faults, found.all_ids(EOS), found.template) == ((), (), None)
    assert found.generation is None


def test_files_of_older_tokenizers(tmp_path: Path) -> None:
    found = model(
        tmp_path,
        vocab={"etxe": 0},
        added_tokens={"<|eot_id|>": 1},
        special_tokens_map={"eos_token": {"content": "<|eot_id|>"}},
    )
    assert found.tokenizer_ids(EOS) == (1,)
    found = model(
        tmp_path / "sentencepiece",
        tokenizer_config={
            "added_tokens_decoder": {"2": {"content": "</s>", "special": True}},
            "eos_token": "</s>",
        },
    )
    assert found.tokenizer_ids(EOS) == (2,)


def test_no_torch() -> None:
    code = (
        "import sys, pathlib; from mergekit_ext.inputs.turn_ends import"
        " read_turn_ends; read_turn_ends('m', pathlib.Path('.'));"
        " assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def settle(folder: Path, back: float) -> None:
    for file in folder.iterdir():
        moment = file.stat().st_mtime - back
        os.utime(file, (moment, moment))


def test_a_list_of_tokens_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read a list takes long; one that is changed, or new, is read again."""
    model(tmp_path, config={}, tokenizer=TOKENIZER, tokenizer_config={})
    settle(tmp_path, 10)
    first = read_turn_ends("m", tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(turn_ends, "token_ids", None)
        assert read_turn_ends("n", tmp_path).ids == first.ids
    moved = TOKENIZER | {"model": {"type": "WordLevel", "vocab": {"txe": 0}}}
    assert model(tmp_path, tokenizer=moved).text(0) == "txe"
    again = TOKENIZER | {"model": {"type": "WordLevel", "vocab": {"xte": 0}}}
    assert model(tmp_path, tokenizer=again).text(0) == "xte"
    settle(tmp_path, 10)
    assert read_turn_ends("m", tmp_path).text(0) == "xte"
    model(tmp_path, tokenizer_config={"added_tokens_decoder": {"9": {"content": "q"}}})
    settle(tmp_path, 20)
    assert read_turn_ends("m", tmp_path).text(9) == "q"
