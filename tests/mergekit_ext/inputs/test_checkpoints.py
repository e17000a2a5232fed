"""Finding models and reading headers, whole files and sharded ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import locate, read_checkpoint
from mergekit_ext.recipes.recipe import Model


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Tensors ``a``, ``b`` and ``c`` in two files, and their index."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    shards = {"x-1.safetensors": ["a", "b"], "x-2.safetensors": ["c"]}
    for file, names in shards.items():
        save_file({name: torch.zeros(2, 3) for name in names}, tmp_path / file)
    weight_map = {name: file for file, names in shards.items() for name in names}
    write_index(tmp_path, weight_map)
    return tmp_path


def write_index(folder: Path, weight_map: object) -> None:
    text = json.dumps({"weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(text)


def test_reads_shards(sharded: Path) -> None:
    checkpoint = read_checkpoint("m", sharded)
    assert checkpoint.tensors.keys() == {"a", "b", "c"}
    assert checkpoint.tensors["c"].shape == (2, 3)
    assert checkpoint.tensors["c"].dtype == "F32"
    assert [file.name for file in checkpoint.files()] == [
        "x-1.safetensors",
        "x-2.safetensors",
    ]


def test_the_text_configuration_may_be_nested(sharded: Path) -> None:
    (sharded / "config.json").write_text('{"text_config": {"vocab_size": 7}}')
    assert read_checkpoint("m", sharded).text_config["vocab_size"] == 7


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"a": "x-3.safetensors"}, "x-3.safetensors is missing or no whole"),
        ({"z": "x-1.safetensors"}, "places 'z' in x-1.safetensors, which does not"),
        ({}, "has no weight_map"),
        ([], "has no weight_map"),
    ],
)
def test_an_index_that_does_not_fit(
    sharded: Path, weight_map: object, message: str
) -> None:
    write_index(sharded, weight_map)
    with pytest.raises(InputError, match=message):
        read_checkpoint("m", sharded)


def test_a_shard_that_is_cut_short(sharded: Path) -> None:
    file = sharded / "x-1.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"Model 'm': .*x-1.safetensors is missing or"):
        read_checkpoint("m", sharded)


@pytest.mark.parametrize("content", ["[1]", "{", "[" * 100_000, "\x00"])
def test_a_configuration_that_is_none(sharded: Path, content: str) -> None:
    (sharded / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config.json (cannot be read|does not hold)"):
        read_checkpoint("m", sharded)


def test_an_empty_checkpoint_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    assert read_checkpoint("m", tmp_path).tensors == {}


def test_locates_a_snapshot_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--org--model"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    model = Model("org/model", "org/model")
    assert locate(model, str(tmp_path)) == snapshot
    with pytest.raises(InputError, match="not in the hub cache"):
        locate(Model("org/other", "org/other"), str(tmp_path))


def test_a_hub_id_is_left_to_mergekit_where_it_can_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert locate(Model("org/model", "org/model"), str(tmp_path)) is None


@pytest.mark.parametrize("path", ["/none/here", "./none", "../none", "a/b/c", "~/none"])
def test_what_can_only_be_a_folder_must_exist(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(InputError, match=f"Model '{path}': "):
        locate(Model(path, path))


def test_the_nearest_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "basque").mkdir()
    path = str(tmp_path / "basqe")
    with pytest.raises(InputError, match=f"Did you mean {tmp_path}/basque?"):
        locate(Model(path, path))
