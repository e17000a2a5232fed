"""The names under which models enter the keys of their masks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from mergekit.common import ModelReference

from mergekit_ext.methods.method import distinct_keys, model_key


class Path_(SimpleNamespace):  # noqa: N801
    """A mergekit ModelPath."""

    path: str

    def __str__(self) -> str:
        return self.path


def reference(model: str, lora: str | None = None) -> SimpleNamespace:
    adapter = None if lora is None else Path_(path=lora)
    return SimpleNamespace(model=Path_(path=model), lora=adapter)


def test_a_folder_counts_by_its_last_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "basque").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for path in ("models/basque", "./models/basque/", str(tmp_path / "models/basque")):
        assert model_key(reference(path)) == "basque"
    monkeypatch.chdir(tmp_path / "models" / "basque")
    assert model_key(reference(".")) == "basque"


def test_a_link_counts_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "basque").symlink_to(tmp_path / "somewhere")
    assert model_key(reference(str(tmp_path / "basque"))) == "basque"


def test_anything_else_counts_as_written(tmp_path: Path) -> None:
    assert model_key(reference("org/model@main")) == "org/model@main"
    assert model_key(reference("org/model", "org/lora")) == "org/model+org/lora"
    assert model_key(reference("org/model", str(tmp_path))) == (
        f"org/model+{tmp_path.name}"
    )
    assert model_key(3) == "3"


def test_equal_keys_are_numbered_in_order(tmp_path: Path) -> None:
    for parent in ("one", "two", "three"):
        (tmp_path / parent / "expert").mkdir(parents=True)
    references = [
        reference(str(tmp_path / parent / "expert")) for parent in ("one", "two")
    ]
    references += [reference("org/x"), reference(str(tmp_path / "three" / "expert"))]
    assert distinct_keys(references) == ["expert", "expert#2", "org/x", "expert#3"]


def test_a_snapshot_has_the_key_of_its_hub_id(tmp_path: Path) -> None:
    folder = tmp_path / "models--HiTZ--basque" / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    for written, found in (("HiTZ/basque", folder), ("HiTZ/basque@v1", f"{folder}@v1")):
        by_id = ModelReference.parse(written)
        assert model_key(ModelReference.parse(str(found))) == model_key(by_id)
