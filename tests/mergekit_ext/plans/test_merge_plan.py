"""mergekit plans a merge from our headers, and nothing of it is left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mergekit.config import MergeConfiguration
from mergekit.io.lazy_tensor_loader import LazyTensorLoader
from mergekit.io.tasks import LoaderCache
from mergekit.options import MergeOptions
from mergekit.plan import MergePlanner

from mergekit_ext.inputs.input_models import read_inputs
from mergekit_ext.plans.merge_plan import MergePlan, plan_merge
from mergekit_ext.recipes.recipe_reader import read_recipe


@pytest.fixture(autouse=True)
def _no_loaders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoaderCache, "loaders", {})


def config(models: Path) -> MergeConfiguration:
    entries = [
        {"model": str(models / name), "parameters": {"weight": 0.5}}
        for name in ("basque", "galician")
    ]
    return MergeConfiguration.model_validate(
        {"merge_method": "linear", "models": entries}
    )


def plan(given: MergeConfiguration) -> MergePlan:
    inputs = read_inputs(read_recipe(given), Path("out"), None)
    return plan_merge(given, MergeOptions(quiet=True), inputs, lambda names: None)


def test_a_plan_within_a_plan(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, original = config(models), MergePlanner.plan_to_disk
    inner: list[MergePlan] = []

    def nested(self: MergePlanner, out: str) -> Any:
        if not inner:
            inner.append(MergePlan(()))
            inner.append(plan(given))
        return original(self, out)

    monkeypatch.setattr(MergePlanner, "plan_to_disk", nested)
    outer = plan(given)
    assert outer == inner[1]
    assert "model.norm.weight" in {tensor.name for tensor in outer.tensors}
    assert LoaderCache().loaders == {}


def test_another_thread_merges_meanwhile(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, original = config(models), MergePlanner.plan_to_disk
    reference = given.referenced_models()[0]

    def merging() -> Any:
        return LoaderCache().get(reference)

    def beside(self: MergePlanner, out: str) -> Any:
        with ThreadPoolExecutor(1) as pool:
            found.append(pool.submit(merging).result())
        return original(self, out)

    found: list[Any] = []
    monkeypatch.setattr(MergePlanner, "plan_to_disk", beside)
    assert plan(given).tensors
    assert isinstance(found[0], LazyTensorLoader), "not our headers"
    assert LoaderCache().loaders == {reference: found[0]}, "and it is still there"


@pytest.mark.parametrize(
    "extra", [{}, {"tokenizer_source": "union"}], ids=["plain", "aligned"]
)
def test_what_fits_the_vocabulary_stands_between(
    extra: dict[str, Any], models: Path
) -> None:
    """The task that reads a tensor is found beneath one that permutes its rows."""
    given = config(models).model_copy(update=extra)
    (embeddings,) = (t for t in plan(given).tensors if "embed_tokens" in t.name)
    assert set(embeddings.asked.values()) == {"model.embed_tokens.weight"}
