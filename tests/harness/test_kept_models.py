"""Whatever was merged or loaded before, a model is what it is when made alone."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import constants
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file, save_file

from lm_eval_iberian.harness.kept_models import KeptModels, kept_models
from lm_eval_iberian.harness.merge_arguments import ModelArgumentError
from lm_eval_iberian.harness.merged_hf import MergedHFLM
from mergekit_ext.inmemory import ResidentModels


MERGING = Path(__file__).resolve().parents[1] / "mergekit_ext"
sys.path.insert(0, str(MERGING))

from merge_recipes import a_recipe, check_equal, merged_on_disk  # noqa: E402
from tiny_models import make_models  # noqa: E402


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    make_models(tmp_path / "m", "llama")
    return tmp_path


def write(recipe: dict[str, Any], name: str) -> dict[str, Any]:
    Path(name).write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return {"recipe": name}


def weighted(method: str, weight: float) -> dict[str, Any]:
    recipe = a_recipe(method)
    for model in recipe["models"]:
        model["parameters"] = {**model.get("parameters", {}), "weight": weight}
    return recipe


def state(model: MergedHFLM) -> dict[str, torch.Tensor]:
    held = dict(model.model.state_dict()) | dict(model.model.named_buffers())
    return {name: tensor.clone() for name, tensor in held.items()}


def subjects() -> dict[str, dict[str, Any]]:
    return {
        "linear": write(weighted("fused_linear", 0.5), "linear.yml"),
        "ties": write(weighted("fused_ties", 0.7), "ties.yml"),
        "others": {"recipe": "ties.yml", "weights": "basque:1"},
        "drawn": {**write(a_recipe("dare_linear"), "dare.yml"), "merge_seed": 7},
        "drawn otherwise": {"recipe": "dare.yml", "merge_seed": 8},
        "wider": {"recipe": "linear.yml", "dtype": "float32"},
        "baseline": {"pretrained": "m/basque"},
    }  # fmt: skip


def every_pair(names: list[str]) -> list[str]:
    """Return an order in which each follows every other one, and itself, once."""
    order: list[str] = []
    for number, name in enumerate(names):
        order.append(name)
        order += [one for other in names[number + 1 :] for one in (name, other)]
    return [*order, names[0]]


@pytest.mark.slow
@pytest.mark.parametrize("held", [False, True])
def test_weights_are_the_same_after_whatever_came_before(
    held: bool, here: Path
) -> None:
    asked = subjects()
    alone = {
        name: state(MergedHFLM(device="cpu", **one)) for name, one in asked.items()
    }
    heads = {f"{one['lm_head.weight']}" for one in alone.values()}
    assert len(heads) == len(asked)
    kept = KeptModels(ResidentModels() if held else None)
    order = every_pair(list(asked))
    assert {*itertools.pairwise(order)} == {*itertools.product(asked, repeat=2)}
    with kept_models(kept):
        for name in order:
            found = MergedHFLM(device="cpu", **asked[name])
            check_equal(state(found), alone[name])
    kept.close()
    assert any(cost.kept for cost in kept.costs)
    assert all(cost.seconds >= 0 for cost in kept.costs)


@pytest.mark.slow
def test_the_same_merge_is_left_alone_and_another_takes_its_place(here: Path) -> None:
    first, second = (
        write(weighted("fused_linear", one), f"{one}.yml") for one in (0.25, 0.5)
    )
    kept = KeptModels()
    with kept_models(kept):
        models = [MergedHFLM(device="cpu", **one) for one in (first, first, second)]
    places = {one.model.lm_head.weight.data_ptr() for one in models}
    assert len(places) == 1
    assert [cost.kept for cost in kept.costs] == [False, True, False]
    # but nothing else is shared: no setting of one evaluation reaches the next
    assert models[0].model is not models[1].model
    assert models[0].model.config is not models[1].model.config
    assert models[0].tokenizer is not models[1].tokenizer
    assert kept.costs[0].peak_bytes is None or kept.costs[0].peak_bytes > 1 << 20
    kept.close()
    # outside, and after the block, each has its own
    alone = MergedHFLM(device="cpu", **first)
    assert alone.model.lm_head.weight.data_ptr() not in places


@pytest.mark.slow
def test_tied_weights_stay_tied(here: Path) -> None:
    shutil.rmtree("m")
    make_models(here / "m", "qwen3", tie_word_embeddings=True)
    kept = KeptModels()
    with kept_models(kept):
        for weight in (0.25, 0.5):
            recipe = weighted("fused_linear", weight)
            found = MergedHFLM(device="cpu", **write(recipe, "r.yml"))
            head = found.model.get_output_embeddings().weight
            assert head is found.model.get_input_embeddings().weight
            merged_on_disk(recipe)
            wanted = HFLM(pretrained="out", device="cpu")
            check_equal(found.model.state_dict(), wanted.model.state_dict())


@pytest.mark.slow
def test_a_model_that_was_trained_further_is_merged_anew(here: Path) -> None:
    recipe = write(weighted("fused_linear", 0.5), "r.yml")
    kept = KeptModels(ResidentModels())
    with kept_models(kept):
        before = state(MergedHFLM(device="cpu", **recipe))
        file = here / "m" / "instruct" / "model.safetensors"
        more = {name: one * 2 for name, one in load_file(file).items()}
        save_file(more, file, metadata={"format": "pt"})
        after = state(MergedHFLM(device="cpu", **recipe))
    check_equal(after, state(MergedHFLM(device="cpu", **recipe)))
    assert not torch.equal(before["lm_head.weight"], after["lm_head.weight"])


@pytest.mark.slow
def test_a_merge_that_failed_half_way_is_not_taken_for_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval_iberian.harness import merged_hf

    recipe = write(weighted("fused_linear", 0.5), "r.yml")
    other = write(weighted("fused_linear", 0.25), "o.yml")
    wanted = state(MergedHFLM(device="cpu", **recipe))
    merge_into = merged_hf.merge_into

    def broken(model: Any, *given: Any, **more: Any) -> Any:
        merge_into(model, *given, **more)
        model.lm_head.weight.data.zero_()
        raise ModelArgumentError("no memory")

    kept = KeptModels()
    with kept_models(kept):
        MergedHFLM(device="cpu", **other)
        with monkeypatch.context() as patch:
            patch.setattr(merged_hf, "merge_into", broken)
            with pytest.raises(ModelArgumentError, match="no memory"):
                MergedHFLM(device="cpu", **recipe)
        check_equal(state(MergedHFLM(device="cpu", **recipe)), wanted)


def test_an_engine_is_kept_while_it_is_built_alike() -> None:
    kept, made = KeptModels(), iter("abc")
    assert kept.engine("key", lambda: next(made)) == "a"
    assert kept.engine("key", lambda: next(made)) == "a"
    assert kept.engine("other key", lambda: next(made)) == "b"
    kept.let_go()
    assert kept.engine("other key", lambda: next(made)) == "c"
