"""Models, adapters, and what is fetched so that it can be checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from mergekit_ext.errors import InputError, OutputError, RecipeError
from mergekit_ext.inputs.input_models import read_inputs
from mergekit_ext.recipes.recipe import Model, Recipe


def save(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"a": torch.zeros(3)}, folder / "model.safetensors")
    return folder


def recipe(*models: Model) -> Recipe:
    return Recipe("linear", (), models)


def local(folder: Path, adapter: Path | None = None) -> Model:
    return Model(str(folder), str(folder), adapter=adapter and str(adapter))


def test_models_come_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    models = [local(save(tmp_path / name)) for name in "ba"]
    found = read_inputs(recipe(*models), tmp_path / "out", None)
    assert [one.model for one in found] == models
    assert all(one.adapter is None for one in found)


def test_one_folder_is_one_model(tmp_path: Path) -> None:
    folder = save(tmp_path / "a")
    twice = Model("other", f"{folder}/.")
    with pytest.raises(RecipeError, match="are one folder; write it in one way"):
        read_inputs(recipe(local(folder), twice), tmp_path / "out", None)
    with pytest.raises(OutputError, match="is one of the models to merge"):
        read_inputs(recipe(local(folder)), folder, None)


def test_an_adapter_is_read_as_well(tmp_path: Path) -> None:
    folder, adapter = save(tmp_path / "a"), tmp_path / "lora"
    adapter.mkdir()
    model = local(folder, adapter)
    with pytest.raises(InputError, match=r"adapter_config.json is missing"):
        read_inputs(recipe(model), tmp_path / "out", None)
    (adapter / "adapter_config.json").write_text(json.dumps({"r": 8}))
    with pytest.raises(InputError, match=r"holds no adapter_model.safetensors"):
        read_inputs(recipe(model), tmp_path / "out", None)
    save_file({"b": torch.zeros(2)}, adapter / "adapter_model.safetensors")
    # the same folder with and without it are two models
    plain, adapted = read_inputs(recipe(local(folder), model), tmp_path / "out", None)
    assert plain.adapter is None
    assert adapted.adapter is not None
    assert adapted.adapter.tensors.keys() == {"b"}


def test_what_is_on_the_hub_is_fetched_if_it_is_to_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(path: str, **options: Any) -> str:
        assert {"*.jinja", "*.safetensors"} <= set(options["allow_patterns"])
        asked.append((path, options["revision"]))
        return str(save(tmp_path / "cache" / "abc"))

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    model = Model("org/model@v1", "org/model", "v1")
    cache = str(tmp_path / "hub")
    assert read_inputs(recipe(model), tmp_path / "out", cache) == []
    assert asked == []
    (found,) = read_inputs(recipe(model), tmp_path / "out", cache, fetch=True)
    assert asked == [("org/model", "v1")]
    assert found.checkpoint.folder == tmp_path / "cache" / "abc"


def test_what_cannot_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str, **options: Any) -> str:
        raise ConnectionError("no route\nand more")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    model = Model("org/model", "org/model")
    with pytest.raises(InputError, match=r"cannot be fetched: no route$"):
        read_inputs(recipe(model), tmp_path / "out", str(tmp_path), fetch=True)
