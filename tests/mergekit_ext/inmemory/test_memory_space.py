"""Whether a merge fits is told beforehand, with how much it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from merge_recipes import a_recipe, merged_on_disk

from mergekit_ext.inmemory import check_memory, memory_space, prepare_merge
from mergekit_ext.inmemory.memory_space import (
    MemorySpaceError,
    largest_group,
    model_bytes,
)
from mergekit_ext.inputs import host_memory


LARGEST = 64 * 32 * 2  # bytes of the embeddings, in bf16


def test_the_size_of_the_model(llama: Path) -> None:
    written = a_recipe("fused_linear")
    prepared = prepare_merge(written)
    size = sum(tensor.nbytes for tensor in merged_on_disk(written).values())
    assert model_bytes(prepared) == size
    assert model_bytes(prepared, torch.float32) == 2 * size


GROUPS = [
    ("two models and what is made of them", {}, 3 * LARGEST),
    ("the same, wider", {"dtype": "float32"}, 2 * 3 * LARGEST),
    ("moved to another vocabulary", {"tokenizer_source": "m/basque"}, 5 * LARGEST),
]


@pytest.mark.parametrize(("why", "changes", "wanted"), GROUPS)
def test_the_largest_group(
    why: str, changes: dict[str, str], wanted: int, llama: Path
) -> None:
    assert largest_group(prepare_merge(a_recipe("fused_linear", **changes))) == wanted


def test_what_is_needed_and_where(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare_merge(a_recipe("fused_linear"))
    needed = 10_000 + 3 * LARGEST
    monkeypatch.setattr(memory_space, "_free", lambda device: needed)
    assert check_memory(prepared, new_model=10_000) == needed
    assert check_memory(prepared) == 3 * LARGEST
    monkeypatch.setattr(memory_space, "_free", lambda device: needed - 1)
    with pytest.raises(
        MemorySpaceError,
        match=r"the recipe in memory needs 22\.3 KB on cpu, 10\.0 KB of it for the"
        r" model, and 22\.3 KB are free",
    ):
        check_memory(prepared, new_model=10_000)
    monkeypatch.setattr(memory_space, "_free", lambda device: None)
    check_memory(prepared, new_model=10**18)


def test_a_model_elsewhere_needs_nothing_here(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"cpu": 3 * LARGEST, "cuda": 10_000 + 3 * LARGEST}
    monkeypatch.setattr(memory_space, "_free", lambda device: free[device.type])
    prepared = prepare_merge(a_recipe("fused_linear"))
    check_memory(prepared, new_model=10_000, device="cuda:0", compute="cuda:0")
    free["cuda"] -= 1
    with pytest.raises(MemorySpaceError, match="on cuda:0"):
        check_memory(prepared, new_model=10_000, device="cuda:0", compute="cuda:0")


def test_a_job_has_what_its_group_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "fs" / "job"
    group.mkdir(parents=True)
    (tmp_path / "cgroup").write_text("0::/job\n")
    monkeypatch.setattr(host_memory, "_GROUP", tmp_path / "cgroup")
    monkeypatch.setattr(host_memory, "_GROUPS", tmp_path / "fs")
    whole = memory_space._free(torch.device("cpu"))
    assert whole is not None
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("300\n")
    (group / "memory.stat").write_text("anon 200\ninactive_file 100\n")
    now = memory_space._free(torch.device("cpu"))
    assert now is not None
    assert now > 1000
    (group / "memory.max").write_text("1000\n")
    assert memory_space._free(torch.device("cpu")) == 800
    (tmp_path / "fs" / "memory.max").write_text("400\n")
    (tmp_path / "fs" / "memory.current").write_text("50\n")
    assert memory_space._free(torch.device("cpu")) == 350
