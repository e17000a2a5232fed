"""The tensors that mergekit merges are counted as it runs through them."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from mergekit import graph, merge
from mergekit.io.tasks import FinalizeModel, SaveTensor
from mergekit.tokenizer import build

from mergekit_ext.watch import Watch, reported


class Heard(Watch):
    def __init__(self) -> None:
        self.heard: list[object] = []

    def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
        self.heard.append((name, total, unit))

    def advance(self, count: int, done: str = "") -> None:
        self.heard.append(count)


def step(name: str) -> tuple[int, Any]:
    task = type(name, (), {})()
    return 0, SimpleNamespace(task=lambda: task)


def test_mergekit_runs_through_its_tasks_in_tqdm() -> None:
    """If this fails, mergekit shows its progress otherwise: see ``watch``."""
    for module in (graph, merge, build):
        assert hasattr(module.tqdm, "tqdm"), module.__name__
    assert SaveTensor.__name__ == "SaveTensor"
    assert FinalizeModel.__name__ == "FinalizeModel"
    source = graph.Executor._run.__code__
    assert {"tqdm", "enumerate", "schedule", "tasks"} <= set(source.co_names)


def test_tensors_count_when_they_are_done() -> None:
    module = ModuleType("fake")
    module.tqdm = original = object()  # type: ignore[attr-defined]
    watch = Heard()
    kinds = ["LoadTensor", "SaveTensor", "SaveTensor", "FinalizeModel"]
    with reported([module, ModuleType("another")], watch):
        for number, _ in enumerate(module.tqdm.tqdm([step(kind) for kind in kinds])):
            watch.heard.append(f"step {number}")
        assert list(module.tqdm.tqdm(["a", (1, 2)], desc="x", disable=True)) == [
            "a",
            (1, 2),
        ]
    assert module.tqdm is original
    assert watch.heard == [
        ("merging", 2, "tensors"), "step 0", "step 1", 1, "step 2", 1,
        ("writing", None, ""), "step 3",
    ]  # fmt: skip


def test_the_bars_come_back_after_a_failure() -> None:
    before = graph.tqdm
    with pytest.raises(KeyboardInterrupt), reported([graph], Watch()):
        raise KeyboardInterrupt
    assert graph.tqdm is before
