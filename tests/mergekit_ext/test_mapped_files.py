"""Files whose tensors have been merged are let go of."""

from __future__ import annotations

from pathlib import Path

import pytest
from mergekit.common import ModelReference
from mergekit.io.tasks import LoaderCache

from mergekit_ext import register
from mergekit_ext.register import MappedFiles


@pytest.fixture
def loader(models: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(LoaderCache, "loaders", {})
    found = LoaderCache().get(ModelReference.model_validate(str(models / "llama")))
    found.get_tensor("model.norm.weight")
    return found


def test_a_file_stays_open_until_enough_was_read(loader: object) -> None:
    files = MappedFiles()
    files.read(register._LIMIT - 1)
    assert loader.current_shard is not None, "mergekit keeps its shard elsewhere now"
    files.read(1)
    assert loader.current_shard is None, "flush_all does not close what it did"


def test_a_file_is_opened_again(loader: object) -> None:
    before = loader.get_tensor("model.norm.weight").clone()
    MappedFiles().read(register._LIMIT)
    assert bool((loader.get_tensor("model.norm.weight") == before).all())


def test_what_was_read_is_counted_anew(loader: object) -> None:
    files = MappedFiles()
    files.read(register._LIMIT)
    loader.get_tensor("model.norm.weight")
    files.read(register._LIMIT - 1)
    assert loader.current_shard is not None


def test_another_merge_opens_a_file_meanwhile(
    loader: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush() -> None:
        LoaderCache().loaders["another"] = loader

    monkeypatch.setattr(loader, "flush", flush)
    MappedFiles().read(register._LIMIT)
    assert "another" in LoaderCache().loaders
