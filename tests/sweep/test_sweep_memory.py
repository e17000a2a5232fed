"""What cells take of memory, what is refused for it, and what is kept."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cheap_cells import cheap_cell

from lm_eval_iberian.sweep import sweep_memory as module
from lm_eval_iberian.sweep.sweep_memory import (
    SweepMemory,
    SweepMemoryError,
    check_sweep_memory,
    kept_place,
    sweep_memory,
)


MERGING = Path(__file__).resolve().parents[1] / "mergekit_ext"
sys.path.insert(0, str(MERGING))

from tiny_models import make_models  # noqa: E402


SETTINGS: dict[str, Any] = {"engine": "hf", "model_args": {}}
GB = 10**9
# five models of 16 GB, of which one tensor has 1 GB
MODELS = SweepMemory(16 * GB, 5 * GB, 64 * GB, 8 * GB, (), "cpu")
ON_GPU = SweepMemory(16 * GB, 5 * GB, 64 * GB, 8 * GB, (), "cuda")


def free(monkeypatch: pytest.MonkeyPatch, host: int, device: int | None) -> None:
    def free_bytes(name: str) -> int | None:
        return device if name == "cuda" else host * GB

    if device is not None:
        device *= GB
    monkeypatch.setattr(module, "free_bytes", free_bytes)
    machine = SimpleNamespace(total=2 * host * GB, available=host * GB)
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: machine)


PLACES: list[tuple[str, SweepMemory, dict[str, Any], int, int, int | None, str]] = [
    ("models and one more", MODELS, {}, 1, 100, None, "host"),
    ("a margin is left", MODELS, {}, 1, 86, None, "nowhere"),
    ("so many live models", MODELS, {}, 2, 100, None, "nowhere"),
    ("all on the GPU", ON_GPU, {}, 1, 100, 140, "device"),
    ("no room beside the model", ON_GPU, {}, 1, 100, 80, "host"),
    ("no room anywhere", ON_GPU, {}, 1, 60, 80, "nowhere"),
    ("where merges are computed", ON_GPU, {"model_args": {"merge_device": "cpu"}}, 1,
     100, 140, "host"),
    ("the engine has the GPU", ON_GPU, {"engine": "vllm"}, 1, 100, 140, "host"),
    ("folders", MODELS, {"engine": "disk"}, 1, 100, None, "nowhere"),
    ("no GPU is here", ON_GPU, {}, 1, 100, None, "host"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "memory", "changes", "slots", "host", "device", "where"), PLACES
)
def test_where_models_are_kept(
    why: str,
    memory: SweepMemory,
    changes: dict[str, Any],
    slots: int,
    host: int,
    device: int | None,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free(monkeypatch, host, device)
    found = kept_place(memory, SETTINGS | changes, slots)
    assert found.where == where
    assert found.why


REFUSED: list[tuple[str, SweepMemory, int, bool, int, int | None, str]] = [
    ("one model", MODELS, 1, False, 20, None, "need 21.0 GB of memory"),
    ("by the whole machine", MODELS, 1, True, 10, None, "has 20.0 GB: take another"),
    ("two at a time", MODELS, 2, False, 40, None, "fewer at a time (--jobs)"),
    ("on the GPU", ON_GPU, 1, False, 40, 15, "16.0 GB on cuda"),
]


@pytest.mark.parametrize(
    ("why", "memory", "slots", "total", "host", "device", "says"), REFUSED
)
def test_too_little_is_refused(
    why: str,
    memory: SweepMemory,
    slots: int,
    total: bool,
    host: int,
    device: int | None,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free(monkeypatch, host, device)
    with pytest.raises(SweepMemoryError) as caught:
        check_sweep_memory(memory, slots, total=total)
    assert says in str(caught.value)
    free(monkeypatch, 2 * host + 2, None if device is None else 17)
    check_sweep_memory(memory, slots, total=total)


@pytest.mark.slow
def test_headers_tell_what_cells_take(tmp_path: Path) -> None:
    make_models(tmp_path, "llama")
    base, basque = (str(tmp_path / name) for name in ("base", "basque"))
    recipe = {"merge_method": "linear", "models": [{"model": base}, {"model": basque}]}
    cells = [
        cheap_cell("a--s", recipe=recipe, options={"device": "cpu"}),
        cheap_cell("b--s", recipe=None, pretrained="org/none"),
    ]
    found = sweep_memory(cells, SETTINGS)
    assert found.device == "cpu"
    assert found.absent == ("org/none",)
    size = sum(one.stat().st_size for one in Path(basque).glob("*.safetensors"))
    assert 0 < size - found.model < 10_000  # the header
    assert found.inputs == 2 * found.model == 4 * found.parameters
    assert found.group < found.model
