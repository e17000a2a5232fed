"""transformers writes ``config.json`` in the one way that we know of."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from transformers import LlamaConfig, PretrainedConfig

from mergekit_ext.errors import CompatError
from mergekit_ext.outputs.held_config import held_back, hold_back_late


def test_transformers_saves_a_configuration_through_to_json_file(
    tmp_path: Path,
) -> None:
    """If this fails, save_pretrained has changed: see ``held_config``."""
    calls = []
    original = PretrainedConfig.to_json_file
    assert list(inspect.signature(original).parameters) == [
        "self",
        "json_file_path",
        "use_diff",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            PretrainedConfig, "to_json_file", lambda *args, **_: calls.append(args[1])
        )
        LlamaConfig().save_pretrained(tmp_path)
    assert [Path(path).name for path in calls] == ["config.json"]
    assert not (tmp_path / "config.json").exists()


def test_it_is_held_back_within_the_folder_alone(tmp_path: Path) -> None:
    config = LlamaConfig(hidden_size=64)
    original = PretrainedConfig.to_json_file
    with held_back(tmp_path / "work"):
        config.save_pretrained(str(tmp_path / "work" / "new" / "out"))
        config.save_pretrained(tmp_path / "workshop")
        config.to_json_file(tmp_path / "work" / "other.json")
    assert PretrainedConfig.to_json_file is original
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {
        "work/new/out/config.json.partial",
        "work/other.json",
        "workshop/config.json",
    }
    held = tmp_path / "work/new/out/config.json.partial"
    assert held.read_bytes() == (tmp_path / "workshop/config.json").read_bytes()


def test_it_is_let_go_after_a_failure(tmp_path: Path) -> None:
    original = PretrainedConfig.to_json_file
    with pytest.raises(KeyboardInterrupt), held_back(tmp_path):
        raise KeyboardInterrupt
    assert PretrainedConfig.to_json_file is original


def test_two_merges_end_in_whatever_order(tmp_path: Path) -> None:
    """Two threads end as they like: neither gives back what the other still needs."""
    config = LlamaConfig(hidden_size=64)
    original = PretrainedConfig.to_json_file
    one, two = held_back(tmp_path / "one"), held_back(tmp_path / "two")
    one.__enter__()
    two.__enter__()
    config.save_pretrained(tmp_path / "one")
    one.__exit__(None, None, None)
    config.save_pretrained(tmp_path / "two")
    two.__exit__(None, None, None)
    assert PretrainedConfig.to_json_file is original
    config.save_pretrained(tmp_path / "one" / "later")
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {
        "one/config.json.partial",
        "two/config.json.partial",
        "one/later/config.json",
    }


def test_a_merge_within_a_merge(tmp_path: Path) -> None:
    config = LlamaConfig(hidden_size=64)
    original = PretrainedConfig.to_json_file
    with held_back(tmp_path / "one"):
        with held_back(tmp_path / "one" / "inner"), held_back(tmp_path / "one"):
            config.save_pretrained(tmp_path / "one" / "inner")
        config.save_pretrained(tmp_path / "one")
    assert PretrainedConfig.to_json_file is original
    assert not list(tmp_path.rglob("config.json"))


def test_what_was_written_in_spite_of_it(tmp_path: Path) -> None:
    hold_back_late(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    hold_back_late(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json.partial"]


def test_another_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PretrainedConfig, "to_json_file", lambda self, path: None)
    with pytest.raises(CompatError, match=r"has no PretrainedConfig\.to_json_file"):
        held_back(tmp_path).__enter__()
