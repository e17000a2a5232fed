"""Several merges in one process: one after another, one within another, in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import constants
from mergekit import graph
from mergekit.io.tasks import LoaderCache
from safetensors.torch import load_file
from transformers import PretrainedConfig

from mergekit_ext.merge_file import merge_file
from mergekit_ext.watch import Watch


pytestmark = pytest.mark.slow

METHODS = ("linear", "fused_linear")


class At(Watch):
    """Does something when a phase begins, once; counts the tensors."""

    def __init__(self, phase: str = "", do: Callable[[], object] | None = None) -> None:
        self.tensors, self._phase, self._do = 0, phase, do
        self._merging = False

    def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
        self._merging = unit == "tensors"
        if name == self._phase and self._do is not None:
            do, self._do = self._do, None
            do()

    def advance(self, count: int, done: str = "") -> None:
        self.tensors += count * self._merging


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(LoaderCache, "loaders", {})


@pytest.fixture
def unchanged() -> Callable[[], None]:
    """Check that mergekit and transformers are as they were."""
    lent = graph.tqdm, PretrainedConfig.to_json_file, LoaderCache.loaders

    def check() -> None:
        now = graph.tqdm, PretrainedConfig.to_json_file, LoaderCache.loaders
        assert now == lent

    return check


def merge(name: str, method: str, watch: Watch) -> None:
    models = [
        {"model": f"models/{one}", "parameters": {"weight": weight}}
        for one, weight in (("llama", 0.75), (name, 0.25))
    ]
    recipe = {"merge_method": method, "models": models, "dtype": "bfloat16"}
    Path(f"{name}.yml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    merge_file(f"{name}.yml", f"out-{name}", {}, watch)


def check_result(name: str) -> int:
    """Compare a result with the mean; return how many tensors it has."""
    base, other, merged = (
        load_file(Path(folder, "model.safetensors"))
        for folder in ("models/llama", f"models/{name}", f"out-{name}")
    )
    for key, tensor in merged.items():
        mean = 0.75 * base[key].float() + 0.25 * other[key].float()
        torch.testing.assert_close(tensor.float(), mean, atol=2e-3, rtol=2**-6)
    assert Path(f"out-{name}", "config.json").is_file()
    assert Path(f"out-{name}", "merge_provenance.json").is_file()
    return len(merged)


@pytest.mark.parametrize("method", METHODS)
def test_one_within_another(
    method: str, work: Path, unchanged: Callable[[], None]
) -> None:
    inner = At()
    outer = At("merging", lambda: merge("galician", method, inner))
    merge("basque", method, outer)
    assert inner.tensors == check_result("galician")
    assert outer.tensors == check_result("basque")
    unchanged()


@pytest.mark.parametrize("phase", ["checking inputs", "merging", "writing"])
@pytest.mark.parametrize("method", METHODS)
def test_in_two_threads(
    method: str, phase: str, work: Path, unchanged: Callable[[], None]
) -> None:
    """The one that began first ends first, while the other is in a phase."""
    begun, ended = threading.Event(), threading.Event()
    first = At("merging", lambda: begun.wait(60))

    def wait() -> None:
        begun.set()
        assert ended.wait(60)

    second = At(phase, wait)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(merge, "basque", method, first)
        one.add_done_callback(lambda _: ended.set())
        two = pool.submit(merge, "galician", method, second)
        one.result()
        two.result()
    assert first.tensors == check_result("basque")
    assert second.tensors == check_result("galician")
    unchanged()


def test_one_after_a_failed_one(work: Path, unchanged: Callable[[], None]) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge("basque", "linear", At("merging", fail))
    assert not Path("out-basque").exists()
    unchanged()
    merge("basque", "linear", At())
    check_result("basque")
