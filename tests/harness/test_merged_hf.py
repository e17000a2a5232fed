"""The model type ``merged`` holds what ``hf`` loads of the merge on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import constants
from lm_eval.api.registry import get_model, model_registry
from lm_eval.models.huggingface import HFLM

from lm_eval_iberian.harness import merged_hf
from lm_eval_iberian.harness.attach import MODELS, add_models
from lm_eval_iberian.harness.merge_arguments import ModelArgumentError
from lm_eval_iberian.harness.merged_hf import MergedHFLM


MERGING = Path(__file__).resolve().parents[1] / "mergekit_ext"
sys.path.insert(0, str(MERGING))

from merge_recipes import (  # noqa: E402
    OURS,
    STOCK,
    a_recipe,
    check_equal,
    merged_on_disk,
)
from tiny_models import make_models  # noqa: E402
from turning_models import make_turning_models  # noqa: E402


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(recipe: dict[str, Any], name: str = "recipe.yml") -> str:
    Path(name).write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return name


def merged(recipe: dict[str, Any], **given: Any) -> MergedHFLM:
    return MergedHFLM(recipe=write(recipe), device="cpu", **given)


def check_like_hf(recipe: dict[str, Any], **given: Any) -> tuple[Any, Any]:
    """Check weights, buffers, tokenizer, settings; return both."""
    merged_on_disk(recipe, random_seed=7)
    wanted = HFLM(pretrained="out", device="cpu", **given)
    found = merged(recipe, merge_seed=7, **given)
    check_equal(found.model.state_dict(), wanted.model.state_dict())
    check_equal(dict(found.model.named_buffers()), dict(wanted.model.named_buffers()))
    assert found.model.dtype == wanted.model.dtype
    assert type(found.model) is type(wanted.model)
    assert found.model.generation_config == wanted.model.generation_config
    ours, theirs = (one.model.config.to_dict() for one in (found, wanted))
    assert {k: v for k, v in ours.items() if k != "_name_or_path"} == {
        k: v for k, v in theirs.items() if k != "_name_or_path"
    }
    assert found.tokenizer.get_vocab() == wanted.tokenizer.get_vocab()
    assert found.tokenizer.chat_template == wanted.tokenizer.chat_template
    assert found.tokenizer.eos_token == wanted.tokenizer.eos_token
    prompt = torch.tensor([[3, 5, 8]])
    assert torch.equal(found.model(prompt).logits, wanted.model(prompt).logits)
    assert not found.model.training
    return found, wanted


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("method", [*OURS, *STOCK])
def test_every_method(method: str, kind: str, tied: bool, here: Path) -> None:
    make_models(here / "m", kind, tie_word_embeddings=tied)
    found, _ = check_like_hf(a_recipe(method))
    head = found.model.get_output_embeddings().weight
    assert (head is found.model.get_input_embeddings().weight) == tied


GIVEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("wider than the merge", {}, {"dtype": "float32"}),
    ("the dtype of the recipe", {"out_dtype": "float16"}, {"dtype": "auto"}),
    ("no dtype anywhere", {"dtype": None}, {}),
    ("another attention", {}, {"attn_implementation": "eager"}),
    ("a setting of the configuration", {}, {"rms_norm_eps": 0.01}),
    ("what has no effect", {}, {"low_cpu_mem_usage": True}),
    ("a backend", {}, {"backend": "causal", "use_fast_tokenizer": True}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("why", "changes", "given"), GIVEN)
def test_the_arguments_of_hf(
    why: str, changes: dict[str, Any], given: dict[str, Any], here: Path
) -> None:
    make_models(here / "m", "llama", tie_word_embeddings=False)
    recipe = {
        k: v for k, v in (a_recipe("fused_linear") | changes).items() if v is not None
    }
    check_like_hf(recipe, **given)


@pytest.mark.slow
def test_it_ends_its_turns_as_iberian_merge_has_it(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_turning_models(here / "m")
    caplog.set_level("WARNING", "mergekit_ext")
    found, _ = check_like_hf(a_recipe("fused_ties", dtype="float32"))
    assert "recipe ends on <|end|>, w5; template of instruct" in caplog.messages
    assert found.model.generation_config.eos_token_id == [1, 5]
    assert found.tokenizer.chat_template


@pytest.mark.slow
def test_the_weights_of_a_recipe_may_be_others(here: Path) -> None:
    make_models(here / "m", "llama")
    recipe = a_recipe("fused_task_arithmetic")
    found = merged(recipe, weights="basque:1+m/instruct:0.25")
    for model, weight in zip(recipe["models"], (1, 0.25), strict=True):
        model["parameters"]["weight"] = weight
    merged_on_disk(recipe)
    wanted = HFLM(pretrained="out", device="cpu")
    check_equal(found.model.state_dict(), wanted.model.state_dict())
    assert found.pretrained == "recipe-basque:1+m/instruct:0.25"
    info = found.get_model_info()
    given = [one["parameters"]["weight"] for one in info["merge_recipe"]["models"]]
    assert given == [1.0, 0.25]


@pytest.mark.slow
def test_a_folder_is_loaded_as_hf_does(here: Path) -> None:
    make_models(here / "m", "llama")
    found = MergedHFLM(pretrained="m/basque", device="cpu")
    wanted = HFLM(pretrained="m/basque", device="cpu")
    check_equal(found.model.state_dict(), wanted.model.state_dict())
    assert found.get_model_info().keys() == wanted.get_model_info().keys()


@pytest.mark.slow
def test_the_generator_is_where_hf_leaves_it(here: Path) -> None:
    """What is drawn after the model was made is the same."""
    make_models(here / "m", "llama")
    recipe = a_recipe("dare_linear")
    merged_on_disk(recipe, random_seed=7)
    torch.manual_seed(1)
    HFLM(pretrained="out", device="cpu")
    wanted = torch.rand(3)
    torch.manual_seed(1)
    merged(recipe, merge_seed=7)
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.slow
def test_results_are_named_after_the_recipe(here: Path) -> None:
    make_models(here / "m", "llama")
    arguments = {"recipe": write(a_recipe("fused_linear")), "weights": "basque:1"}
    MergedHFLM.create_from_arg_obj(arguments, {"device": "cpu", "batch_size": 2})
    assert arguments["model"] == "recipe-basque:1"
    plain = {"pretrained": "m/base"}
    MergedHFLM.create_from_arg_obj(plain, {"device": "cpu"})
    assert plain == {"pretrained": "m/base"}


@pytest.mark.slow
def test_one_tokenizer_has_one_name(here: Path) -> None:
    make_models(here / "m", "llama")
    first, again = (merged(a_recipe("fused_linear")) for _ in range(2))
    assert first.tokenizer_name == again.tokenizer_name
    assert first.tokenizer_name.startswith("merged-")


FAULTS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no such file", {}, {"recipe": "none.yml"}, "There is no recipe file none.yml"),
    ("no such method", {"merge_method": "lineer"}, {}, "Did you mean linear"),
    ("no such model", {"models": [{"model": "m/bask"}]}, {}, "Did you mean m/bas"),
    ("a slip of the pen", {"dtpye": "float32"}, {}, "Did you mean 'dtype'"),
    ("a filter of nothing", {"parameters": {"weight": [
        {"filter": "atention", "value": 1}, {"value": 0}]}}, {},
     "the filter 'atention' of weight matches no tensor"),
    ("a model of no such name", {}, {"weights": "galician:1"}, "Available: basque, i"),
    ("another shape", {"models": [{"model": "m/basque"}, {"model": "w/base"}]}, {},
     r"has shape \(64, 32\) in 'm/basque' but \(64, 64\) in 'w/base'"),
    ("another architecture", {"models": [{"model": "m/basque"}, {"model": "q/base"}]},
     {}, "different architectures"),
    ("no such argument", {}, {"lowcpu": True}, "lowcpu is no argument of --model mer"),
    ("an adapter", {"models": [{"model": "m/basque+m/instruct"}]}, {},
     "adapter"),
    ("no such device", {}, {"merge_device": "cuda:99"}, "'cuda:99' cannot be used"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("why", "changes", "given", "message"), FAULTS)
def test_what_stands_in_the_way_is_one_sentence(
    why: str, changes: dict[str, Any], given: dict[str, Any], message: str, here: Path
) -> None:
    for folder, kind, more in (("m", "llama", {}), ("q", "qwen3", {}),
                               ("w", "llama", {"hidden_size": 64})):  # fmt: skip
        make_models(here / folder, kind, tie_word_embeddings=False, **more)
    name = write(a_recipe("fused_linear") | changes)
    with pytest.raises(ModelArgumentError, match=message) as caught:
        MergedHFLM(**({"recipe": name, "device": "cpu"} | given))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_not_enough_memory_is_said_before_anything_is_built(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergekit_ext.inmemory import memory_space

    make_models(here / "m", "llama")
    monkeypatch.setattr(memory_space, "_free", lambda device: 1000)
    monkeypatch.setattr(merged_hf, "merge_into", None)
    with pytest.raises(
        ModelArgumentError,
        match=r"needs \d+\.\d KB on cpu, \d+\.\d KB of it for the model, and 1\.0 KB",
    ):
        merged(a_recipe("fused_linear"), dtype="float32")


def test_it_is_registered_lazily_and_once() -> None:
    import lm_eval.models

    add_models(lm_eval.models)
    add_models(lm_eval.models)
    assert get_model("merged") is MergedHFLM
    assert MODELS["merged"] == f"{MergedHFLM.__module__}:{MergedHFLM.__name__}"
    assert "hf" in model_registry


@pytest.mark.parametrize("there", [None, "somebody.elses:Model"])
def test_the_module_registers_what_nobody_has(
    there: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a start-up file does not run, or lm-eval has read an entry point."""
    import importlib

    monkeypatch.setattr(model_registry, "_objs", {} if there is None else {
        "merged": there})  # fmt: skip
    again = importlib.import_module(merged_hf.__name__)
    try:
        importlib.reload(again)
        found = model_registry._objs["merged"]
        assert found == (there or again.MergedHFLM)
    finally:
        monkeypatch.setattr(merged_hf, "MergedHFLM", MergedHFLM)


def test_a_name_that_is_taken_stays_with_its_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import lm_eval.models

    monkeypatch.setitem(model_registry._objs, "merged", "somebody.elses:Model")
    add_models(lm_eval.models)
    assert model_registry._objs["merged"] == "somebody.elses:Model"


LAZY = """
import sys
import lm_eval.models
from lm_eval.api.registry import model_registry
print(json.dumps([
    "merged" in model_registry, model_registry._objs.get("merged"),
    [name for name in ("torch", "mergekit", "mergekit_ext") if name in sys.modules],
]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["1", "0"])
def test_nothing_is_imported_for_a_name(hook: str) -> None:
    import os

    done = subprocess.run(
        [sys.executable, "-c", f"import json\n{LAZY}"],
        capture_output=True,
        text=True,
        env=os.environ | {"LM_EVAL_IBERIAN_AUTOLOAD": hook},
        check=True,
    )
    known, target, loaded = json.loads(done.stdout)
    assert known == (hook == "1")
    assert target == (MODELS["merged"] if known else None)
    assert "mergekit" not in loaded
    assert "mergekit_ext" not in loaded
