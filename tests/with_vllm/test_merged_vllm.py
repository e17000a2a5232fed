"""The model type ``merged-vllm`` answers as ``vllm`` does of the merge on the disk."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from untrained_models import save_models


vllm = pytest.importorskip(
    "lm_eval.models.vllm_causallms",
    reason="NO VLLM: vLLM is not installed here; `make vllm-check` runs these",
    exc_type=ImportError,
)

from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.api.registry import get_model  # noqa: E402

from lm_eval_iberian.harness import vllm_engine  # noqa: E402
from lm_eval_iberian.harness.kept_models import (  # noqa: E402
    KeptModels,
    kept_models,
)
from lm_eval_iberian.harness.merge_arguments import ModelArgumentError  # noqa: E402
from lm_eval_iberian.harness.merged_vllm import MergedVLLM  # noqa: E402
from lm_eval_iberian.harness.vllm_engine import (  # noqa: E402
    VLLM_PARTS,
    VLLMChangedError,
    VLLMPart,
    check_vllm,
)
from mergekit_ext.errors import MergeError  # noqa: E402
from mergekit_ext.inmemory import ResidentModels, prepare_merge  # noqa: E402


SETTINGS = {"dtype": "float32", "enforce_eager": True, "max_model_len": 512}
PROCESSES = "VLLM_ENABLE_V1_MULTIPROCESSING"


def ask(model: Any, sampled: bool = True) -> tuple[list[str], list[Any]]:
    """Return answers, some of them drawn, and log-likelihoods."""
    settings = [{"do_sample": False, "temperature": 0.0}] * 2
    settings += [{"do_sample": True, "temperature": 1.0}] * 2 * sampled
    prompts = [
        (f"Kaixo mundua {number}", {"max_gen_toks": 12, "until": ["\0"]} | one)
        for number, one in enumerate(settings)
    ]
    generated = [Instance("generate_until", {}, args, 0) for args in prompts]
    likely = [
        Instance("loglikelihood", {}, (f"Gaur {number}", " eta bihar ere bai"), 0)
        for number in range(3)
    ]
    return (
        model.generate_until(generated, disable_tqdm=True),
        model.loglikelihood(likely, disable_tqdm=True),
    )


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``vllm`` draw as an engine in this process does: in an order of its own."""
    monkeypatch.setenv(PROCESSES, "0")


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_it_answers_as_vllm_does_and_again_after_another_merge(
    kind: str, tied: bool, tmp_path: Path, one_process: None
) -> None:
    here = save_models(tmp_path, kind, tied)
    wanted = ask(vllm.VLLM(pretrained=str(here / "out"), **SETTINGS))
    model = MergedVLLM(recipe=str(here / "eu.yml"), **SETTINGS)
    assert ask(model) == wanted
    first = model._merge
    other = prepare_merge(here / "eu.yml", weights={"instruct": -1, "expert-eu": 2})
    model.engine.fill(other)
    with pytest.raises(ModelArgumentError, match=r"has been given .*fill it again"):
        ask(model)
    model._merge = other
    changed = ask(model)
    assert changed[0] != wanted[0]
    assert changed[1] != wanted[1]
    model.engine.fill(first)
    model._merge = first
    assert ask(model) == wanted


@pytest.fixture(scope="module")
def filled(llama: Path) -> Iterator[MergedVLLM]:
    before = os.environ.pop(PROCESSES, None)
    random.seed(5)
    torch.manual_seed(5)
    yield MergedVLLM(recipe=str(llama / "eu.yml"), **SETTINGS)
    if before is not None:
        os.environ[PROCESSES] = before


def test_it_leaves_its_process_as_it_was(filled: MergedVLLM) -> None:
    from vllm import envs

    assert PROCESSES not in os.environ
    assert envs.VLLM_ENABLE_V1_MULTIPROCESSING
    assert random.random() == random.Random(5).random()  # noqa: S311
    assert torch.equal(torch.rand(2), torch.rand(2, generator=seeded(5)))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_results_say_what_was_merged(filled: MergedVLLM) -> None:
    info = filled.get_model_info()
    assert info["merge_recipe"]["merge_method"] == "fused_ties"
    assert info["merge_seed"] is None
    assert filled.tokenizer_name.startswith("merged-")
    assert get_model("merged-vllm") is MergedVLLM


SPOILED: list[tuple[str, str, str, str]] = [
    ("a layer that gets nothing", "model.norm.weight", "", "gives nothing to model.no"),
    ("a part of a fused one", "model.layers.1.self_attn.k_proj.weight", "",
     "gives nothing to model.layers.1.self_attn.k_proj"),
    ("a name that is nobody's", "model.norm.weight", "model.nrom.weight",
     "vLLM stopped, .*nrom"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "name", "other", "message"), SPOILED)
def test_an_engine_that_is_not_whole_answers_nothing(
    why: str, name: str, other: str, message: str, filled: MergedVLLM,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    wanted = ask(filled)
    real = vllm_engine.merged_tensors

    def spoiled(*args: Any, **kwargs: Any) -> Iterator[tuple[str, torch.Tensor]]:
        for found, tensor in real(*args, **kwargs):
            if found != name:
                yield found, tensor
            elif other:
                yield other, tensor

    monkeypatch.setattr(vllm_engine, "merged_tensors", spoiled)
    merge = filled._merge
    assert merge is not None
    with pytest.raises(MergeError, match=message) as caught:
        filled.engine.fill(merge)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelArgumentError, match="has been given nothing since"):
        ask(filled)
    monkeypatch.undo()
    filled.engine.fill(merge)
    assert ask(filled)[1] == wanted[1]


def test_what_waits_for_an_engine_tells_which_may_be_refilled(llama: Path) -> None:
    keys = {
        name: vllm_engine.engine_key({"model": str(llama / name), "dtype": "float32"})
        for name in ("base", "instruct")
    }
    assert keys["base"] != keys["instruct"]  # their weights, which stand there, differ
    again = vllm_engine.engine_key({"model": str(llama / "base"), "dtype": "float32"})
    assert keys["base"] == again
    other = vllm_engine.engine_key({"model": str(llama / "base"), "dtype": "bfloat16"})
    assert other != again


def test_processes_of_their_own_read_it_from_files(
    llama: Path, filled: MergedVLLM, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv(PROCESSES, "1")
    caplog.set_level("WARNING", "mergekit_ext")
    filled.engine.fill(filled._merge)
    wanted = ask(filled, sampled=False)
    model = MergedVLLM(recipe=str(llama / "eu.yml"), **SETTINGS)
    assert ask(model, sampled=False) == wanted
    (said,) = [line for line in caplog.messages if "pass through" in line]
    folder = said.partition("pass through ")[2].partition(",")[0]
    assert not Path(folder).exists()
    first = model._merge
    model._merge = prepare_merge(llama / "eu.yml", weights={"instruct": -1})
    model.engine.fill(model._merge)
    assert ask(model, sampled=False)[1] != wanted[1]
    model._merge = first
    model.engine.fill(first)
    assert ask(model, sampled=False) == wanted


def test_a_folder_is_loaded_as_vllm_does(llama: Path, one_process: None) -> None:
    model = MergedVLLM(pretrained=str(llama / "out"), **SETTINGS)
    assert model.get_model_info() == {}
    assert ask(model, sampled=False)[0]


def test_not_enough_memory_is_said_before_anything_is_built(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval_iberian.harness import merged_vllm
    from mergekit_ext.inmemory import memory_space

    monkeypatch.setattr(memory_space, "_free", lambda device: 1000)
    monkeypatch.setattr(merged_vllm, "VLLMEngine", None)
    with pytest.raises(
        ModelArgumentError, match=r"of it for the model, and 1\.0 KB are free"
    ):
        MergedVLLM(recipe=str(llama / "eu.yml"), **SETTINGS)


@pytest.mark.parametrize("part", VLLM_PARTS, ids=lambda p: f"{p.owner}.{p.name}")
def test_the_installed_vllm_has_it(part: VLLMPart) -> None:
    part.check()


def test_another_vllm_is_refused_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    def reload_weights(self: Any) -> None:
        """As it was before it took an iterator."""

    monkeypatch.setattr(GPUModelRunner, "reload_weights", reload_weights)
    with pytest.raises(VLLMChangedError, match=r"takes no weights_iterator in vLLM 0"):
        MergedVLLM(recipe="none.yml")
    monkeypatch.delattr(GPUModelRunner, "reload_weights")
    with pytest.raises(VLLMChangedError, match=r"reload_weights, .*is not there in vL"):
        check_vllm()


def test_an_engine_is_kept_and_each_merge_answers_as_if_alone(
    tmp_path: Path, one_process: None
) -> None:
    here = save_models(tmp_path, "llama", False)
    recipe = str(here / "eu.yml")
    asked: list[dict[str, Any]] = [
        {"recipe": recipe},
        {"recipe": recipe, "weights": "instruct:-1+expert-eu:2"},
    ]
    alone = [ask(MergedVLLM(**one, **SETTINGS)) for one in asked]
    kept, engines = KeptModels(ResidentModels()), []
    with kept_models(kept):
        for number in (0, 1, 1, 0):
            model = MergedVLLM(**asked[number], **SETTINGS)
            engines.append(model.engine)
            assert ask(model) == alone[number]
    assert len({id(one) for one in engines}) == 1
    assert [cost.kept for cost in kept.costs] == [False, False, True, False]
    kept.close()
