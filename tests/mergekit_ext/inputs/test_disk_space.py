"""How much room a merge needs, and what is said where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mergekit_ext.errors import OutputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.disk_space import check_space, output_bytes, shown_size
from mergekit_ext.inputs.safetensors_header import TensorHeader
from mergekit_ext.recipes.recipe import Contributor, Model, OutputSlice, Recipe, Scope


A, B = Model("a", "a"), Model("b", "b", adapter="lora")
SHAPES = {"embed": (10, 4), "layers.0.up": (4, 4), "layers.1.up": (4, 4)}


def checkpoint(name: str, dtype: str = "BF16", rows: int = 10) -> Checkpoint:
    shapes = SHAPES | {"embed": (rows, 4)}
    size = {"BF16": 2, "F32": 4}[dtype]
    tensors = {
        n: TensorHeader(dtype, s, Path("x"), 0, size * s[0] * s[1])
        for n, s in shapes.items()
    }
    return Checkpoint(name, Path(), {}, tensors)


def recipe(
    *ranges: tuple[int, int], models: tuple[Model, ...] = (A,), **dtypes: str
) -> Recipe:
    scope = Scope("x", {})
    slices = tuple(OutputSlice("s", A, (Contributor(A, scope, r),), ()) for r in ranges)
    return Recipe("m", slices, models, whole_models=not ranges, dtypes=dtypes)


def test_the_size_in_the_output_dtype() -> None:
    two = [checkpoint("a"), checkpoint("b")]
    assert output_bytes(recipe(), two) == 2 * (40 + 16 + 16)
    assert output_bytes(recipe(dtype="float32"), two) == 4 * 72
    assert output_bytes(recipe(dtype="float32", out_dtype="bfloat16"), two) == 2 * 72
    assert output_bytes(recipe(dtype="torch.float64"), two) == 8 * 72


def test_the_largest_input_counts_where_they_differ() -> None:
    two = [checkpoint("a"), checkpoint("b", "F32", rows=12)]
    assert output_bytes(recipe(), two) == 4 * (48 + 16 + 16)


def test_layers_that_are_used_twice_count_twice() -> None:
    assert output_bytes(recipe((0, 1), (0, 2)), [checkpoint("a")]) == 2 * (40 + 48)
    assert output_bytes(recipe((1, 2)), [checkpoint("a")]) == 2 * (40 + 16)


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    out = tmp_path / "not" / "yet" / "out"
    two = [checkpoint("a"), checkpoint("b")]
    free = (64 << 20) + 144
    check_space(recipe(), two, out)
    free -= 1
    with pytest.raises(OutputError) as raised:
        check_space(recipe(), two, out)
    assert str(raised.value) == (
        f"The merge needs 67.1 MB and {tmp_path} has 67.1 MB free; make room, or give"
        " an output on another disk."
    )
    # an adapter is merged into a copy first
    free = (64 << 20) + 144 + 143
    with pytest.raises(OutputError):
        check_space(recipe(models=(A, B)), two, out)
    free += 1
    check_space(recipe(models=(A, B)), two, out)
    assert set(asked) == {tmp_path}


def test_a_file_system_that_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(path: Path) -> None:
        raise OSError

    monkeypatch.setattr(shutil, "disk_usage", usage)
    check_space(recipe(), [checkpoint("a")], tmp_path / "out")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (16_060_522_496, "16.1 GB")],
)
def test_sizes_as_a_user_reads_them(count: int, text: str) -> None:
    assert shown_size(count) == text
