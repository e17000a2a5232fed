"""Every byte is read once: the hash is the file's, what is not finite is named."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mergekit_ext.errors import InputError
from mergekit_ext.inputs import weights_scan
from mergekit_ext.inputs.checkpoints import Checkpoint, read_checkpoint
from mergekit_ext.inputs.safetensors_header import TensorHeader, read_header
from mergekit_ext.inputs.weights_scan import CHUNK, scan
from mergekit_ext.watch import Watch


class Counting(Watch):
    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0
        self._lock = threading.Lock()

    def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
        self.total = total

    def advance(self, count: int, done: str = "") -> None:
        with self._lock:
            self.done += count


def save(folder: Path, tensors: dict[str, torch.Tensor]) -> Checkpoint:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    save_file(tensors, folder / "model.safetensors")
    return read_checkpoint(folder.name, folder)


@pytest.fixture
def several(tmp_path: Path) -> list[Checkpoint]:
    generator = torch.Generator().manual_seed(0)
    sizes = {"a": 0, "b": 1, "c": CHUNK // 2 + 63, "d": 4097}
    return [
        save(
            tmp_path / name,
            {
                **{n: torch.randn(s, generator=generator) for n, s in sizes.items()},
                "e": torch.randn(CHUNK, generator=generator).to(torch.bfloat16),
                "f": torch.tensor([2**31 - 1, -1], dtype=torch.int32),
            },
        )
        for name in ("one", "two", "three")
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_hashes_are_those_of_the_files(several: list[Checkpoint], threads: int) -> None:
    watch = Counting()
    # a file that two models share is read once
    found = scan([*several, several[0]], hashed=True, watch=watch, threads=threads)
    files = [file for one in several for file in one.files()]
    assert found == {f: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    assert watch.done == watch.total == sum(f.stat().st_size for f in files)


def test_without_hashes_all_is_read_as_well(
    several: list[Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_scan, "_PIECE", 5000)
    monkeypatch.setattr(weights_scan, "CHUNK", 1024)
    watch = Counting()
    assert scan(several, watch=watch, threads=3) == {}
    assert watch.done == watch.total


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite(
    tmp_path: Path, dtype: torch.dtype, value: float, hashed: bool
) -> None:
    tensor = torch.zeros(CHUNK + 100, dtype=dtype)
    tensor[CHUNK + 7] = value
    broken = {"a": torch.zeros(0), "b": tensor, "c": torch.zeros(3).int()}
    models = [save(tmp_path / "m", {"a": torch.ones(3)}), save(tmp_path / "n", broken)]
    with pytest.raises(
        InputError,
        match=rf"Model 'n': 'b' holds {value} at element {CHUNK + 7}, in .*n/model",
    ):
        scan(models, hashed=hashed)


def test_the_first_value_of_a_stretch_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_scan, "_PIECE", 4096)
    tensor = torch.zeros(10_000)
    tensor[7_777] = float("nan")
    with pytest.raises(InputError, match="'b' holds nan at element 7777,"):
        scan([save(tmp_path / "m", {"b": tensor})], threads=2)


def test_a_file_that_is_cut_short_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save(tmp_path / "m", {"b": torch.zeros(CHUNK)})

    def cut(name: str, path: Path) -> dict[str, TensorHeader]:
        header = read_header(name, path)
        path.write_bytes(path.read_bytes()[:-100])
        return header

    monkeypatch.setattr(weights_scan, "read_header", cut)
    with pytest.raises(InputError, match="cannot be read: it has become shorter"):
        scan([model], hashed=True)


def test_an_interrupt_ends_the_reading(
    several: list[Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = threading.Event()

    class Slow(Counting):
        def advance(self, count: int, done: str = "") -> None:
            super().advance(count)
            interrupted.wait(60)
            time.sleep(0.1)  # until the interrupt has got through

    def interrupt(*args: Any, **options: Any) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(weights_scan, "wait", interrupt)
    watch = Slow()
    with pytest.raises(KeyboardInterrupt):
        scan(several, hashed=True, watch=watch, threads=1)
    assert watch.done < CHUNK, "nothing is read but the first header"


def test_memory_stays_small(tmp_path: Path) -> None:
    import tracemalloc

    model = save(tmp_path / "m", {"b": torch.zeros(8 * CHUNK)})
    tracemalloc.start()
    scan([model], hashed=True, threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * CHUNK
    assert np.dtype("f4").itemsize * 8 * CHUNK > 4 * CHUNK
