"""A model that is not what it was is noticed, whatever its files' times say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cheap_cells import cheap_cell

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep.model_state import check_unchanged, model_state, states_of


SIZE = 200_000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(SIZE))
    return folder


@pytest.mark.parametrize("at", [0, 65_535, SIZE - 65_536, SIZE - 1])
def test_another_weight_is_noticed(at: int, model: Path) -> None:
    before = model_state(model)
    data = bytearray(SIZE)
    data[at] = 1
    (model / "model.safetensors").write_bytes(data)
    assert model_state(model) != before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "more.json"])
def test_another_size_or_file_is_noticed(name: str, model: Path) -> None:
    before = model_state(model)
    with (model / name).open("ab") as file:
        file.write(b"0")
    assert model_state(model) != before


def test_a_copy_with_other_times_is_the_same(model: Path) -> None:
    before = model_state(model)
    os.utime(model / "config.json", (1, 1))
    (model / "README.md").write_text("nothing that counts")
    assert model_state(model) == before


Using = Callable[[str], dict[str, Any]]
USES: list[tuple[str, Using]] = [
    ("as it is", lambda model: {"recipe": None, "pretrained": model}),
    ("as a base", lambda model: {"recipe": {"base_model": model, "models": []}}),
    ("in a merge", lambda model: {"recipe": {"models": [{"model": model}]}}),
]


@pytest.mark.parametrize(("why", "uses"), USES)
def test_a_cell_of_a_changed_model_is_refused(
    why: str, uses: Using, model: Path
) -> None:
    cell = cheap_cell("a--s-eu", **uses(str(model)))
    other = cheap_cell("b--s-eu")
    planned = states_of([str(model), "org/on-the-hub"])
    assert list(planned) == [str(model)]
    check_unchanged(cell, planned)
    (model / "config.json").write_text("{ }")
    with pytest.raises(DataError, match="is not what it was when"):
        check_unchanged(cell, planned)
    check_unchanged(other, planned)
    for path in model.iterdir():
        path.unlink()
    model.rmdir()
    with pytest.raises(DataError, match="is gone"):
        check_unchanged(cell, planned)
