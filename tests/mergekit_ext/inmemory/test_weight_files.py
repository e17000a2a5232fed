"""Weights are in files while somebody reads them, and no longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch
import yaml
from merge_recipes import a_recipe, check_equal, merged_on_disk
from safetensors.torch import load_file

from mergekit_ext.errors import MergeError, OutputError
from mergekit_ext.inmemory import memory_space, prepare_merge, weight_files
from mergekit_ext.inmemory.weight_files import weights_in_files


Usage = namedtuple("Usage", "total used free")


def read(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in folder.iterdir():
        found |= load_file(file)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shard", [1, 1 << 30])
def test_they_are_what_a_merge_writes(
    shard: int, llama: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    written = a_recipe("fused_ties")
    wanted = merged_on_disk(written)
    monkeypatch.setattr(weight_files, "_SHARD", shard)
    caplog.set_level("WARNING", "mergekit_ext")
    with weights_in_files(prepare_merge(written)) as folder:
        check_equal(read(folder), wanted)
        assert (len(list(folder.iterdir())) == len(wanted)) == (shard == 1)
    assert not folder.exists()
    said = [line for line in caplog.messages if str(folder) in line]
    assert len(said) == 1


@pytest.mark.slow
def test_a_part_of_a_tensor_that_is_resident_is_a_tensor(llama: Path) -> None:
    written = {"merge_method": "passthrough", "models": [{"model": "m/basque"}]}
    tensors = load_file("m/basque/model.safetensors")
    whole = {name: torch.stack([one, one]) for name, one in tensors.items()}
    views = {name: both[1] for name, both in whole.items()}
    with weights_in_files(prepare_merge(written), resident={"m/basque": views}) as at:
        check_equal(read(at), tensors)


@pytest.mark.slow
def test_nothing_is_left_after_an_error(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = prepare_merge(a_recipe("fused_linear"))
    with (
        pytest.raises(ZeroDivisionError),
        weights_in_files(merge) as folder,
    ):
        raise ZeroDivisionError
    assert not folder.exists()
    monkeypatch.setattr(weight_files, "_MEMORY", llama / "none")
    place = llama / "temporary"
    place.mkdir()
    monkeypatch.setattr(weight_files.tempfile, "tempdir", str(place))

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(weight_files, "save_file", refuse)
    with (
        pytest.raises(MergeError, match="cannot be written: no space left"),
        weights_in_files(merge),
    ):
        pass
    assert list(place.iterdir()) == []


PLACES = [
    ("memory has room", 1 << 40, 1 << 40, "memory"),
    ("the folder that is memory is small", 1000, 1 << 40, "temporary"),
    ("there is little memory for what is in it", 1 << 40, 45_000, "temporary"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("why", "there", "free", "wanted"), PLACES)
def test_they_are_where_there_is_room(
    why: str, there: int, free: int, wanted: str, llama: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("memory", "temporary"):
        (llama / name).mkdir()
    monkeypatch.setattr(weight_files, "_MEMORY", llama / "memory")
    monkeypatch.setattr(weight_files.tempfile, "tempdir", str(llama / "temporary"))
    rooms = {"memory": there, "temporary": 1 << 40}
    monkeypatch.setattr(
        weight_files.shutil, "disk_usage", lambda at: Usage(0, 0, rooms[Path(at).name])
    )
    monkeypatch.setattr(weight_files, "_SHARD", 1)
    monkeypatch.setattr(memory_space, "_free", lambda device: free)
    with weights_in_files(prepare_merge(a_recipe("fused_linear"))) as folder:
        assert folder.parent.name == wanted


@pytest.mark.slow
def test_no_room_anywhere_is_a_sentence(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_files.shutil, "disk_usage", lambda at: Usage(0, 0, 1000))
    with (
        pytest.raises(OutputError, match=r"takes \d+\.\d KB: neither .* set TMPDIR"),
        weights_in_files(prepare_merge(a_recipe("fused_linear"))),
    ):
        pass


WAITING = """
import sys, time
from mergekit_ext.inmemory import prepare_merge, weights_in_files
with weights_in_files(prepare_merge("recipe.yml")) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_process_that_is_asked_to_end_leaves_nothing(llama: Path) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(a_recipe("fused_linear")), "utf-8")
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert list(folder.glob("*.safetensors"))
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert not folder.exists()
