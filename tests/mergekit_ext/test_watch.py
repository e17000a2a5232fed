"""The tensors that mergekit merges are counted as it runs through them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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


class Plain:
    """The module ``tqdm``, as far as mergekit uses it."""

    @staticmethod
    def tqdm(iterable: Any, **options: Any) -> list[Any]:
        return ["shown", *iterable]


def test_two_merges_end_in_whatever_order() -> None:
    """Each thread's tensors are heard by its own watch, and bars come back once."""
    module = ModuleType("fake")
    module.tqdm = Plain  # type: ignore[attr-defined]
    heard = [Heard(), Heard()]
    reports = [reported([module], watch) for watch in heard]
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
        for thread, report in zip((one, two), reports, strict=True):
            thread.submit(report.__enter__).result()
        saves = [step("SaveTensor")]
        one.submit(lambda: list(module.tqdm.tqdm(saves))).result()
        one.submit(report_ends, reports[0]).result()
        two.submit(lambda: list(module.tqdm.tqdm(saves * 2))).result()
        assert list(module.tqdm.tqdm([1])) == ["shown", 1], "of nobody's merge"
        two.submit(report_ends, reports[1]).result()
    assert module.tqdm is Plain
    assert heard[0].heard == [("merging", 1, "tensors"), 1]
    assert heard[1].heard == [("merging", 2, "tensors"), 1, 1]


def report_ends(report: Any) -> None:
    report.__exit__(None, None, None)


def test_a_merge_within_a_merge() -> None:
    module = ModuleType("fake")
    module.tqdm = Plain  # type: ignore[attr-defined]
    outer, inner = Heard(), Heard()
    with reported([module], outer):
        for _ in module.tqdm.tqdm([step("SaveTensor")] * 2):
            with reported([module], inner):
                list(module.tqdm.tqdm([step("SaveTensor")]))
    assert module.tqdm is Plain
    assert outer.heard == [("merging", 2, "tensors"), 1, 1]
    assert inner.heard == [("merging", 1, "tensors"), 1] * 2
