"""A model that is there gets another's turns: all of it or nothing, and no weights."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.errors import InputError, OutputError
from mergekit_ext.inputs.turn_ends import find_turn_ends
from mergekit_ext.outputs import former_merge
from mergekit_ext.outputs.mended_turns import Mended, mend_turns
from mergekit_ext.outputs.provenance import Origin, write_provenance
from mergekit_ext.watch import Watch


TOKENIZER = {
    "model": {"vocab": {"w0": 0, "w1": 1}},
    "added_tokens": [
        {"id": 2, "content": "<|text_end|>"},
        {"id": 3, "content": "<|im_end|>"},
    ],
}
CHAT = "{{ x }}<|im_end|>"


def write(folder: Path, **files: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    folder = write(
        tmp_path / "merged",
        config={"eos_token_id": 2, "vocab_size": 4, "pad_token_id": -1},
        tokenizer=TOKENIZER,
        tokenizer_config={"eos_token": "<|text_end|>"},
    )
    (folder / "model.safetensors").write_text("weights")
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.fixture
def instruct(tmp_path: Path) -> Path:
    folder = write(
        tmp_path / "instruct",
        config={"eos_token_id": 2, "vocab_size": 4},
        generation_config={"eos_token_id": [2, 3], "top_p": 0.9},
        tokenizer=TOKENIZER,
        tokenizer_config={"eos_token": "<|im_end|>"},
    )
    (folder / "chat_template.jinja").write_text(CHAT)
    return folder


def mend(folder: Path, like: Path) -> Mended:
    return mend_turns(folder, find_turn_ends(str(like)))


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def state(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (path.read_text("utf-8"), path.stat().st_ino)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_it_ends_its_turns_as_the_other(merged: Path, instruct: Path) -> None:
    before = state(merged)
    mended = mend(merged, instruct)
    assert mended.line == "ends on <|text_end|>, <|im_end|>; template of instruct"
    assert mended.notes == ()
    assert mended.changes == (
        "config.json: eos_token_id 2 → [2, 3]",
        "config.json: pad_token_id -1 → none",
        "generation_config.json: eos_token_id none → [2, 3]",
        "generation_config.json: top_p none → 0.9",
        "chat_template.jinja: new",
    )
    assert read(merged / "config.json") == {"eos_token_id": [2, 3], "vocab_size": 4}
    assert read(merged / "generation_config.json") == {
        "eos_token_id": [2, 3],
        "top_p": 0.9,
    }
    assert (merged / "chat_template.jinja").read_text() == CHAT
    after = state(merged)
    for name in ("model.safetensors", "notes.txt", "tokenizer.json"):
        assert after[name] == before[name], "not even written again"
    assert sorted(os.listdir(merged.parent)) == ["instruct", "merged"]


def test_twice_is_once(merged: Path, instruct: Path) -> None:
    mend(merged, instruct)
    before = state(merged)
    again = mend(merged, instruct)
    assert again.changes == ()
    assert again.line == "ends on <|text_end|>, <|im_end|>; template of instruct"
    assert state(merged) == before


def test_a_template_of_another_model_makes_way(merged: Path, instruct: Path) -> None:
    other = {"eos_token": "<|text_end|>", "chat_template": "another", "x": 1}
    write(merged, tokenizer_config=other, chat_template={"chat_template": "another"})
    more = merged / "additional_chat_templates"
    more.mkdir()
    (more / "mine.jinja").write_text("mine")
    (instruct / "additional_chat_templates").mkdir()
    (instruct / "additional_chat_templates" / "rag.jinja").write_text("rag")
    mend(merged, instruct)
    found = find_turn_ends(str(merged)).template
    assert found is not None
    assert found.named == {"default": CHAT, "rag": "rag", "mine": "mine"}
    assert read(merged / "tokenizer_config.json") == {
        "eos_token": "<|text_end|>",
        "x": 1,
    }
    assert read(merged / "chat_template.json") == {"chat_template": CHAT}


def _lacks_an_end(merged: Path, instruct: Path) -> None:
    less = TOKENIZER | {"added_tokens": [{"id": 2, "content": "<|text_end|>"}]}
    write(merged, tokenizer=less)


def _lacks_a_mark(merged: Path, instruct: Path) -> None:
    (instruct / "chat_template.jinja").write_text(CHAT + "<|user|>")
    more: list[Any] = [*TOKENIZER["added_tokens"], {"id": 4, "content": "<|user|>"}]
    write(instruct, tokenizer=TOKENIZER | {"added_tokens": more})


def _has_no_end(merged: Path, instruct: Path) -> None:
    write(instruct, config={}, generation_config={}, tokenizer_config={})


def _is_broken(merged: Path, instruct: Path) -> None:
    (instruct / "generation_config.json").write_text("{")


def _has_no_config(merged: Path, instruct: Path) -> None:
    (merged / "config.json").unlink()


def _is_gone(merged: Path, instruct: Path) -> None:
    shutil.rmtree(instruct)


REFUSED = {
    _lacks_an_end: r"instruct' ends on <\|im_end\|>, which '.*merged' has no token for:"
    " their vocabularies do not fit",
    _lacks_a_mark: r"has a chat template that writes <\|user\|>, which '.*merged' has",
    _has_no_end: "instruct' says nowhere what it ends on",
    _is_broken: "generation_config.json cannot be read",
    _has_no_config: "merged' has no config.json",
    _is_gone: "there is no such folder",
}


@pytest.mark.parametrize("damage", REFUSED)
def test_what_cannot_be_mended_stays(damage: Any, merged: Path, instruct: Path) -> None:
    damage(merged, instruct)
    before = state(merged)
    with pytest.raises(InputError, match=REFUSED[damage]):
        mend(merged, instruct)
    assert state(merged) == before
    assert not (merged.parent / ".merged.partial").exists()


def test_a_donor_without_a_template_is_doubted(merged: Path, instruct: Path) -> None:
    (merged / "chat_template.jinja").write_text(CHAT)
    (instruct / "chat_template.jinja").unlink()
    mended = mend(merged, instruct)
    assert any("name the instructed model in --like" in note for note in mended.notes)
    assert mended.line.endswith("a template of its own")


def test_broken_settings_of_the_mended_are_replaced(
    merged: Path, instruct: Path
) -> None:
    (merged / "generation_config.json").write_text("{")
    mended = mend(merged, instruct)
    assert "generation_config.json cannot be read" in mended.notes[0]
    assert read(merged / "generation_config.json")["top_p"] == 0.9


def test_a_failure_halfway_changes_nothing(
    merged: Path, instruct: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(merged)
    real, calls = os.rename, []

    def rename(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError("no room")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OutputError, match="no room"):
        mend(merged, instruct)
    assert len(calls) > 3
    assert state(merged) == before


def test_links_are_not_written_through(merged: Path, instruct: Path) -> None:
    blobs = merged.parent / "blobs"
    merged.rename(blobs)
    merged.mkdir()
    for path in blobs.iterdir():
        (merged / path.name).symlink_to(path)
    before = state(blobs)
    mend(merged, instruct)
    assert state(blobs) == before
    assert read(merged / "config.json")["eos_token_id"] == [2, 3]
    assert (merged / "model.safetensors").is_symlink()


def test_the_hub_cache_is_left_alone(merged: Path, instruct: Path) -> None:
    snapshot = merged.parent / "hub" / "models--org--merged" / "snapshots" / "abc"
    snapshot.parent.mkdir(parents=True)
    merged.rename(snapshot)
    merged.symlink_to(snapshot)
    before = state(snapshot)
    for folder in (snapshot, merged):
        with pytest.raises(OutputError, match="is in the hub cache"):
            mend(folder, instruct)
    assert state(snapshot) == before


@pytest.mark.parametrize("mark", [former_merge.PROVENANCE, former_merge.FILES])
def test_a_mended_merge_is_still_one(mark: str, merged: Path, instruct: Path) -> None:
    """The next merge to the same place may replace it, and nothing that is mine."""
    for name in ("notes.txt", "tokenizer.json"):
        (merged / name).rename(merged.parent / name)
    (merged / "README.md").write_text("theirs")
    if mark == former_merge.PROVENANCE:
        origin = Origin("", {}, "linear", {}, "cpu")
        write_provenance(merged, origin, [], {}, Watch())
    else:
        former_merge.list_files(merged)
    for name in ("notes.txt", "tokenizer.json"):
        (merged.parent / name).rename(merged / name)
    (merged / "README.md").write_text("mine!!")
    os.utime(merged / "README.md", (1, 1))
    mend(merged, instruct)
    ours = {
        "config.json", "generation_config.json", "chat_template.jinja", mark,
        "tokenizer_config.json", "model.safetensors",
    }  # fmt: skip
    assert former_merge.former_merge(merged) == ours
    if mark == former_merge.PROVENANCE:
        (note,) = read(merged / mark)["mended"]
        assert note["like"] == str(instruct)
        assert "config.json: eos_token_id 2 → [2, 3]" in note["changed"]
