"""Models that number their tokens differently are not merged unaligned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.errors import InputError
from mergekit_ext.inputs import tokenizer_checks
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.tokenizer_checks import check_tokenizers, vocabulary


WORDS = {"etxe": 0, "kale": 1, "mendi": 2}


def model(folder: Path, vocab: Any, *added: tuple[str, int], **more: Any) -> Checkpoint:
    folder.mkdir()
    tokens = [{"content": word, "id": index} for word, index in added]
    content = {"model": {"vocab": vocab}, "added_tokens": tokens, **more}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return Checkpoint(folder.name, folder, {}, {})


def test_the_same_vocabulary_in_another_file(tmp_path: Path) -> None:
    added = ("<s>", 3)
    reverse = dict(reversed(WORDS.items()))
    models = [
        model(tmp_path / "a", WORDS, added),
        model(tmp_path / "b", reverse, added, padding=None),
        # whether a token is added or not makes no difference to the embeddings
        model(tmp_path / "c", WORDS | {"<s>": 3}),
    ]
    (tmp_path / "b" / "chat_template.jinja").write_text("another")
    assert check_tokenizers(models) == []
    assert vocabulary(models[0]) == WORDS | {"<s>": 3}


@pytest.mark.parametrize(
    ("vocab", "added", "message"),
    [
        (
            WORDS | {"kale": 2, "mendi": 1},
            [],
            "'kale' is token 1 in the one and token 2 in the other; 'mendi' is",
        ),
        (WORDS | {"itsaso": 3}, [], "'itsaso' is absent in the one and token 3 in"),
        (WORDS, [("<s>", 3)], "'<s>' is absent in the one and token 3 in the other."),
        ({"etxe": 0}, [], "'kale' is token 1 in the one and absent in the other"),
        (
            {f"w{i}": i for i in range(9)},
            [],
            "'etxe' is token 0 in the one and absent in the other; 'w0' is absent in"
            " the one and token 0 in the other; 'kale' is token 1 in the one and absent"
            " in the other; and 9 more",
        ),
    ],
)
def test_vocabularies_that_differ(
    tmp_path: Path, vocab: Any, added: list[tuple[str, int]], message: str
) -> None:
    models = [model(tmp_path / "a", WORDS), model(tmp_path / "b", vocab, *added)]
    with pytest.raises(InputError) as raised:
        check_tokenizers(models)
    assert "The vocabularies of 'a' and 'b' differ: " in str(raised.value)
    assert message in str(raised.value)
    assert "tokenizer_source: base" in str(raised.value)


def test_unigram_vocabularies_are_lists(tmp_path: Path) -> None:
    pairs = [["etxe", -1.5], ["kale", -2.0], ["mendi", -2.5]]
    models = [model(tmp_path / "a", WORDS), model(tmp_path / "b", pairs)]
    assert check_tokenizers(models) == []
    models.append(model(tmp_path / "c", pairs[::-1]))
    with pytest.raises(InputError, match="'a' and 'c' differ"):
        check_tokenizers(models)


def test_files_of_sentencepiece_are_compared_as_they_are(tmp_path: Path) -> None:
    models = []
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.model").write_bytes(content)
        models.append(Checkpoint(name, tmp_path / name, {}, {}))
    assert check_tokenizers(models[:2]) == []
    with pytest.raises(InputError, match="of 'a' and that of 'c' are different files"):
        check_tokenizers(models)


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tokenizer.model").touch()
    none = Checkpoint("none", tmp_path / "none", {}, {})
    other = Checkpoint("other", tmp_path / "other", {}, {})
    assert check_tokenizers([none, none]) == [], "no model has one: nothing to say"
    notes = check_tokenizers([none, model(tmp_path / "a", WORDS), other])
    assert [note.split(";")[0] for note in notes] == [
        "Model 'none' has no tokenizer",
        "The tokenizers of 'a' and 'other' are in files of different kinds and were not"
        " compared.",
    ]


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"model": []}', "{}", '{"model": {"vocab": [1]}}']
)
def test_a_tokenizer_that_is_none(tmp_path: Path, content: str) -> None:
    models = [model(tmp_path / name, WORDS) for name in "ab"]
    (tmp_path / "b" / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match=r"Model 'b': .*tokenizer.json"):
        check_tokenizers(models)


def test_a_vocabulary_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And again where its file is another."""
    read, found = tokenizer_checks.read_json, []

    def counted(*given: Any) -> Any:
        found.append(given)
        return read(*given)

    monkeypatch.setattr(tokenizer_checks, "read_json", counted)
    first = model(tmp_path / "a", WORDS)
    assert vocabulary(first) == vocabulary(first) == WORDS
    assert len(found) == 1
    shutil.rmtree(tmp_path / "a")
    assert vocabulary(model(tmp_path / "a", WORDS | {"iturri": 3}))["iturri"] == 3
    shutil.rmtree(tmp_path / "a")
    with pytest.raises(InputError, match=r"tokenizer\.json is missing"):
        vocabulary(first)
