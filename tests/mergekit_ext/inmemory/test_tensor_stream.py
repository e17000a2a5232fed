"""The tensors that are yielded are those that ``iberian merge`` writes, bit for bit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from merge_recipes import OURS, STOCK, a_recipe, check_equal, merged_on_disk
from mergekit import graph
from mergekit.io import tasks
from mergekit.merge_methods.task_adapter import ExecuteMergeMethodTask
from safetensors.torch import load_file
from tiny_models import make_models, save_weights

from mergekit_ext import forced_rows
from mergekit_ext.errors import InputError, MergeError, RecipeError
from mergekit_ext.inmemory import merged_tensors, prepare_merge
from mergekit_ext.watch import Watch


@pytest.fixture
def unchanged() -> Callable[[], None]:
    """Check that mergekit is as it was."""

    def state() -> Any:
        kind = ExecuteMergeMethodTask
        mine = dict(vars(tasks.LoaderCache()))
        return graph.tqdm, kind.execute, kind.arguments, mine

    before = state()

    def check() -> None:
        assert state() == before

    return check


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("method", [*OURS, *STOCK])
def test_every_method(method: str, kind: str, tied: bool, here: Path) -> None:
    make_models(here / "m", kind, tie_word_embeddings=tied)
    written = a_recipe(method)
    wanted = merged_on_disk(written, random_seed=3)
    found = dict(merged_tensors(prepare_merge(written, options={"random_seed": 3})))
    assert ("lm_head.weight" in wanted) != tied
    check_equal(found, wanted)


FILTERED = [
    {"filter": "self_attn", "value": 0.9},
    {"filter": "mlp", "value": [0.1, 0.8]},
    {"value": 0.5},
]
CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("no dtype: that of the inputs", "fused_linear", {"dtype": None}),
    ("computed in one dtype, written in another", "fused_ties",
     {"dtype": "float32", "out_dtype": "bfloat16"}),
    ("the same, by mergekit", "linear",
     {"dtype": "float32", "out_dtype": "float16"}),
    ("weights by filter and by layer", "fused_task_arithmetic", {"models": [
        {"model": "m/basque", "parameters": {"weight": FILTERED}},
        {"model": "m/instruct", "parameters": {"weight": [0, 1]}}]}),
    ("the same, by mergekit", "task_arithmetic", {"models": [
        {"model": "m/basque", "parameters": {"weight": FILTERED}},
        {"model": "m/instruct", "parameters": {"weight": [0, 1]}}]}),
    ("a tokenizer of all", "fused_linear", {"tokenizer_source": "union"}),
    ("a tokenizer of one", "dare_ties", {"tokenizer_source": "m/instruct"}),
    ("rows of a token", "fused_linear", {"tokenizer": {
        "source": "m/instruct",
        "tokens": {"w7": {"source": "m/instruct", "force": True}}},
        "parameters": {"normalize": False}}),
    ("the same, by mergekit", "linear", {"tokenizer": {
        "source": "m/instruct",
        "tokens": {"w7": {"source": "m/instruct", "force": True}}},
        "parameters": {"normalize": False}}),
    ("padded rows", "fused_task_arithmetic", {"tokenizer": {
        "source": "base", "pad_to_multiple_of": 50}}),
    ("a seed of the masks", "fused_dare_linear", {"parameters": {"seed": 11}}),
    ("slices", "passthrough", {"models": None, "base_model": None, "slices": [
        {"sources": [{"model": "m/basque", "layer_range": [0, 2]}]},
        {"sources": [{"model": "m/instruct", "layer_range": [1, 2]}]}]}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("why", "method", "changes"), CHANGES)
def test_what_a_recipe_may_ask_for(
    why: str, method: str, changes: dict[str, Any], llama: Path
) -> None:
    written = {k: v for k, v in (a_recipe(method) | changes).items() if v is not None}
    wanted = merged_on_disk(written, random_seed=1)
    found = dict(merged_tensors(prepare_merge(written, options={"random_seed": 1})))
    check_equal(found, wanted)


@pytest.mark.slow
def test_models_in_memory_are_not_read(llama: Path) -> None:
    written = a_recipe("fused_ties")
    wanted = merged_on_disk(written)
    resident = {}
    for name in ("base", "basque"):
        file = llama / name / "model.safetensors"
        held = {key: value.clone() for key, value in load_file(file).items()}
        resident[f"m/{name}"] = held
        # headers are true, and what is read of them would show
        save_weights(llama / name, {k: v.fill_(9) for k, v in load_file(file).items()})
    check_equal(dict(merged_tensors(written, resident=resident)), wanted)


def test_a_model_in_memory_must_be_the_one_in_its_files(llama: Path) -> None:
    written = a_recipe("fused_linear")
    held = load_file(llama / "basque" / "model.safetensors")
    with pytest.raises(RecipeError, match="'m/galician' is no model of the recipe"):
        next(merged_tensors(written, resident={"m/galician": held}))
    held["model.norm.weight"] = torch.zeros(3)
    with pytest.raises(RecipeError, match=r"has \(3,\) for tensor 'model.norm.weight'"):
        next(merged_tensors(written, resident={"m/basque": held}))


def test_a_nan_is_refused_before_the_first_tensor(llama: Path) -> None:
    tensors = load_file(llama / "basque" / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_weights(llama / "basque", tensors)
    with pytest.raises(InputError, match=r"'model.norm.weight' holds nan at element 3"):
        next(merged_tensors(a_recipe("fused_linear")))


@pytest.mark.slow
def test_one_stream_within_another(llama: Path, unchanged: Callable[[], None]) -> None:
    """Each step of one is followed by one of the other, and by a merge to the disk."""
    recipes = [
        a_recipe("linear", tokenizer={
            "source": "m/instruct",
            "tokens": {"w7": {"source": "m/instruct", "force": True}}},
            parameters={"normalize": False}),
        a_recipe("dare_linear"),
    ]  # fmt: skip
    options = {"random_seed": 5}
    wanted = [
        merged_on_disk(one, f"out{i}", **options) for i, one in enumerate(recipes)
    ]
    streams = [merged_tensors(prepare_merge(one, options=options)) for one in recipes]
    found: list[dict[str, torch.Tensor]] = [{}, {}]
    for first, second in zip(*streams, strict=True):
        found[0].update([first])
        found[1].update([second])
        if len(found[0]) == 3:
            assert not vars(tasks.LoaderCache())
            assert not forced_rows._KEPT.get()
            check_equal(merged_on_disk(recipes[0], "again", **options), wanted[0])
        torch.rand(7)
    for one, other in zip(found, wanted, strict=True):
        check_equal(one, other)
    unchanged()


@pytest.mark.slow
def test_the_generator_of_the_program_is_left_alone(llama: Path) -> None:
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    prepared = prepare_merge(a_recipe("dare_ties"), options={"random_seed": 5})
    for _ in merged_tensors(prepared):
        pass
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.slow
def test_in_two_threads(llama: Path, unchanged: Callable[[], None]) -> None:
    recipes = [a_recipe("fused_dare_ties"), a_recipe("fused_linear", dtype="float32")]
    wanted = [merged_on_disk(one, f"out{i}") for i, one in enumerate(recipes)]
    both = threading.Barrier(2)

    def stream(written: dict[str, Any]) -> dict[str, torch.Tensor]:
        found = {}
        for name, tensor in merged_tensors(written):
            found[name] = tensor
            both.wait(60)
        return found

    with ThreadPoolExecutor(2) as pool:
        for one, other in zip(pool.map(stream, recipes), wanted, strict=True):
            check_equal(one, other)
    unchanged()


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"random_seed": 5}])
def test_a_stream_goes_on_in_another_thread(
    options: dict[str, Any], llama: Path, unchanged: Callable[[], None]
) -> None:
    written = a_recipe("dare_ties" if options else "fused_dare_ties")
    wanted = merged_on_disk(written, **options)
    stream = merged_tensors(prepare_merge(written, options=options))
    found = dict([next(stream)])
    assert not forced_rows._KEPT.get()
    with ThreadPoolExecutor(1) as pool:
        found |= pool.submit(dict, stream).result()
    check_equal(found, wanted)
    unchanged()


@pytest.mark.slow
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_stream_that_is_left_leaves_nothing(
    llama: Path, unchanged: Callable[[], None]
) -> None:
    stream = merged_tensors(a_recipe("fused_linear"))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    unchanged()


@pytest.mark.slow
def test_nothing_is_written(llama: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in llama.parent.rglob("*")}
    for _ in merged_tensors(a_recipe("fused_ties", tokenizer_source="base")):
        pass
    after = {path: path.stat().st_mtime_ns for path in llama.parent.rglob("*")}
    assert after == before


@pytest.mark.slow
def test_the_watch_hears_every_tensor(llama: Path) -> None:
    class Heard(Watch):
        def __init__(self) -> None:
            self.phases: list[tuple[str, int | None, int]] = []

        def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
            self.phases.append((name, total, 0))

        def advance(self, count: int, done: str = "") -> None:
            name, total, before = self.phases[-1]
            self.phases[-1] = name, total, before + count

    watch = Heard()
    found = dict(merged_tensors(prepare_merge(a_recipe("linear"), watch=watch)))
    assert ("merging", len(found), len(found)) in watch.phases


def test_what_mergekit_raises_is_one_sentence(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare_merge(a_recipe("linear"))

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(ExecuteMergeMethodTask, "execute", fail)
    with pytest.raises(MergeError, match="RuntimeError: no such thing"):
        next(merged_tensors(prepared))
