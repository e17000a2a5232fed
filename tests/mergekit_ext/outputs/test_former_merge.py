"""What of a folder a former merge wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mergekit_ext.outputs import former_merge as module
from mergekit_ext.outputs.file_hash import sha256
from mergekit_ext.outputs.former_merge import former_merge, list_files, may_write


MERGED = ["README.md", "config.json", "mergekit_config.yml", "model.safetensors"]


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A folder as mergekit leaves it."""
    for name in ("model.safetensors", "config.json", "README.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "mergekit_config.yml").write_text("recipe")
    return tmp_path


def record(folder: Path) -> None:
    """Leave a provenance, as ``iberian merge`` does."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    listed = [
        {
            "name": str(path.relative_to(folder)),
            "size": path.stat().st_size,
            "sha256": sha256(path),
        }
        for path in files
    ]
    (folder / "merge_provenance.json").write_text(json.dumps({"output": listed}))


def test_mergekit_s_own(merged: Path) -> None:
    assert former_merge(merged) == set(MERGED)
    (merged / "tokenizer.json").touch()  # comes after the recipe
    (merged / "notes.md").touch()
    (merged / "model.gguf").touch()
    assert former_merge(merged) == {*MERGED, "tokenizer.json"}


def test_a_file_that_mergekit_wrote_before_its_recipe_is_not_younger(
    merged: Path,
) -> None:
    later = (merged / "mergekit_config.yml").stat().st_mtime + 1
    os.utime(merged / "README.md", (later, later))
    assert former_merge(merged) == set(MERGED) - {"README.md"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"output": 3}', '{"output": [1]}'])
def test_a_provenance_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "merge_provenance.json").write_text(text)
    assert former_merge(tmp_path) is None


def test_the_provenance_lists_what_is_the_merge_s(merged: Path) -> None:
    (merged / "additional_chat_templates").mkdir()
    (merged / "additional_chat_templates" / "tools.jinja").touch()
    record(merged)
    whole = {*MERGED, "additional_chat_templates", "merge_provenance.json"}
    (merged / "notes.md").touch()
    (merged / "results").mkdir()
    assert former_merge(merged) == whole
    (merged / "additional_chat_templates" / "mine.jinja").touch()
    assert former_merge(merged) == whole - {"additional_chat_templates"}


def test_a_changed_file_is_told_by_its_content(merged: Path) -> None:
    record(merged)
    status = (merged / "model.safetensors").stat()
    other = merged / "other"  # as long and as old, moved into its place
    other.write_text("MODEL.SAFETENSORS")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(merged / "model.safetensors")
    assert former_merge(merged) == {*MERGED, "merge_provenance.json"} - {
        "model.safetensors"
    }


def test_a_folder_that_was_copied_is_told_by_its_content(merged: Path) -> None:
    record(merged)
    for path in merged.iterdir():
        os.utime(path, (2e9, 2e9))
    assert former_merge(merged) == {*MERGED, "merge_provenance.json"}


def test_what_was_not_touched_since_is_not_read(
    merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(merged)
    read: list[str] = []
    monkeypatch.setattr(module, "sha256", lambda path: read.append(path.name))
    assert former_merge(merged) == {*MERGED, "merge_provenance.json"}
    assert read == []


def test_a_merge_without_a_card_is_known_by_its_list(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json.partial").touch()
    list_files(tmp_path)
    (tmp_path / "config.json.partial").rename(tmp_path / "config.json")
    (tmp_path / "README.md").write_text("mine")
    owned = {".merge_files.json", "config.json", "model.safetensors"}
    assert former_merge(tmp_path) == owned
    (tmp_path / "model.safetensors").write_text("trained on")
    assert former_merge(tmp_path) == owned - {"model.safetensors"}


def test_a_model_that_no_merge_marked_is_somebody_s(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (tmp_path / name).touch()
    assert former_merge(tmp_path) is None


def test_what_a_merge_may_write() -> None:
    for name in (
        "config.json",
        "model.safetensors",
        "model-00002-of-00003.safetensors",
    ):
        assert may_write(name)
    for name in ("notes.md", "model.gguf", "results", ".git", "pytorch_model.bin"):
        assert not may_write(name)
    assert may_write("pytorch_model.bin", safetensors=False)
    assert may_write("README.md")
    assert not may_write("README.md", card=False)
