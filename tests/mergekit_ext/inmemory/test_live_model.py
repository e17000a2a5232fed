"""A model that was merged into is the one that transformers loads of the folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from merge_recipes import OURS, STOCK, a_recipe, check_equal, merged_on_disk
from safetensors.torch import load_file
from tiny_models import ARCHITECTURES, make_models, save_weights
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.inmemory import (
    Accounted,
    live_model,
    merge_into,
    merged_side_files,
    prepare_merge,
)
from mergekit_ext.watch import Watch


def skeleton(recipe: Any, **changes: Any) -> torch.nn.Module:
    """Return a model of the result's configuration, full of what it must not keep."""
    shutil.rmtree("side", ignore_errors=True)
    folder = merged_side_files(recipe, Path("side"))
    config = AutoConfig.from_pretrained(folder)
    for key, value in changes.items():
        setattr(config, key, value)
    model: torch.nn.Module = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    return model


def loaded(folder: str = "out") -> torch.nn.Module:
    model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(folder)
    return model


def check_like_disk(written: dict[str, Any]) -> Accounted:
    merged_on_disk(written, random_seed=3)
    prepared = prepare_merge(written, options={"random_seed": 3})
    model = skeleton(prepared)
    done = merge_into(model, prepared)
    wanted = loaded()
    check_equal(model.state_dict(), wanted.state_dict())
    check_equal(dict(model.named_buffers()), dict(wanted.named_buffers()))
    prompt = torch.tensor([[3, 5, 8]])
    assert torch.equal(model(prompt).logits, wanted(prompt).logits)
    names = {*model.state_dict(), *dict(model.named_buffers())}
    assert sorted((*done.merged, *done.tied, *done.copied, *done.untouched)) == sorted(
        names
    )
    return done


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("method", [*OURS, *STOCK])
def test_every_method(method: str, kind: str, tied: bool, here: Path) -> None:
    make_models(here / "m", kind, tie_word_embeddings=tied)
    done = check_like_disk(a_recipe(method))
    assert done.tied == (("lm_head.weight",) if tied else ())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture(kind: str, here: Path) -> None:
    make_models(here / "m", kind)
    check_like_disk(a_recipe("fused_task_arithmetic"))


@pytest.mark.slow
def test_a_union_of_tokenizers_makes_the_model_larger(llama: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(60)} | {
        f"v{index}": index for index in range(60, 64)
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    tokenizer.save_pretrained(llama / "instruct")
    written = a_recipe("fused_linear", tokenizer_source="union")
    merged_on_disk(written)
    for _ in range(3):  # mergekit numbers new tokens anew each time
        prepared = prepare_merge(written)
        model = skeleton(prepared)
        merge_into(model, prepared)
        rows = {"out": loaded(), "side": model}
        tokens = [AutoTokenizer.from_pretrained(name).get_vocab() for name in rows]
        assert tokens[0].keys() == tokens[1].keys()
        assert len(tokens[0]) == 68
        wanted, found = (
            [one.get_input_embeddings().weight[ids[token]] for token in tokens[0]]
            for one, ids in zip(rows.values(), tokens, strict=True)
        )
        assert torch.equal(torch.stack(found), torch.stack(wanted))
    with pytest.raises(RecipeError, match="numbers anew each time"):
        merge_into(model, written, watch=Watch())


@pytest.mark.slow
def test_a_head_of_their_own_unties(here: Path) -> None:
    make_models(here / "m", "llama", tie_word_embeddings=True)
    path = here / "m/basque/config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"tie_word_embeddings": False})
    )
    tensors = load_file(here / "m/basque/model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] * 2
    save_weights(here / "m/basque", tensors)
    written = a_recipe("fused_task_arithmetic")
    done = check_like_disk(written)
    assert not done.tied
    model = skeleton(prepare_merge(written), tie_word_embeddings=True)
    with pytest.raises(InputError, match=r"'lm_head.weight' values of its own"):
        merge_into(model, written)


@pytest.mark.slow
def test_the_dtype_of_the_model_is_kept(llama: Path) -> None:
    written = a_recipe("fused_linear")
    merged_on_disk(written)
    model = skeleton(written).float()
    merge_into(model, written)
    wanted = AutoModelForCausalLM.from_pretrained("out", dtype="float32")
    check_equal(model.state_dict(), wanted.state_dict())


@pytest.mark.slow
def test_what_became_of_each_is_told(llama: Path) -> None:
    """Only one of the models has a part of its own; buffers are in no file."""
    parts = [
        {"sources": [{"model": "m/basque", "layer_range": [0, 2]}]},
        {"sources": [{"model": "m/instruct", "layer_range": [1, 2]}]},
    ]
    written = {"merge_method": "passthrough", "slices": parts, "dtype": "bfloat16"}
    done = check_like_disk(written)
    assert not done.merged
    assert len(done.copied) == 30
    assert done.untouched == (
        "model.rotary_emb.inv_freq",
        "model.rotary_emb.original_inv_freq",
    )


class _Moved(torch.nn.Module):
    """A module with a parameter that no recipe knows."""

    def __init__(self) -> None:
        super().__init__()
        self.added = torch.nn.Parameter(torch.zeros(2))


def _add(model: Any) -> None:
    model.model.layers[0].extra = _Moved()


def _register(model: Any) -> None:
    model.register_buffer("counted", torch.zeros(2))


def _cut(model: Any) -> None:
    del model.model.layers[1:]


def _to_meta(model: Any) -> None:
    model.to("meta")


def _quantize(model: Any) -> None:
    norm = model.model.norm
    del norm.weight
    norm.register_buffer("weight", torch.zeros(32, dtype=torch.int8))


WRONG = [
    ("a parameter too many", {}, _add,
     "gives nothing to model.layers.0.extra.added of the model to merge into"),
    ("a buffer too many", {}, _register, "gives nothing to counted of the model"),
    ("a layer too few", {}, _cut,
     r"'model\.layers\.1\.\S+' of the recipe is none of the model"),
    ("another shape", {"intermediate_size": 24}, None,
     r"'model.layers.0.mlp.down_proj.weight' of the recipe has shape \(32, 48\), and"
     r" \(32, 24\) in the model"),
    ("no memory", {}, _to_meta, "is on the meta device"),
    ("quantized", {}, _quantize,
     "'model.norm.weight' is torch.bfloat16, and torch.int8 in the model"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "changes", "do", "message"), WRONG)
def test_a_model_that_does_not_fit(
    why: str, changes: dict[str, Any], do: Any, message: str, llama: Path
) -> None:
    written = a_recipe("fused_linear")
    model = skeleton(written, **changes)
    if do is not None:
        do(model)
    with pytest.raises(InputError, match=message):
        merge_into(model, written)


def test_another_architecture_is_refused_before_a_byte_is_read(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_model, "merged_tensors_at", None)
    make_models(llama.parent / "q", "qwen3", tie_word_embeddings=False)
    model = AutoModelForCausalLM.from_pretrained("q/base")
    wanted = r"of type llama, and the model .* of type qwen3"
    with pytest.raises(InputError, match=wanted):
        merge_into(model, a_recipe("fused_linear"))


@pytest.mark.slow
def test_a_second_recipe_into_the_same_model(llama: Path) -> None:
    model = skeleton(a_recipe("fused_linear"))
    for method in ("fused_linear", "fused_dare_ties"):
        merged_on_disk(a_recipe(method), method)
        merge_into(model, a_recipe(method))
        check_equal(model.state_dict(), loaded(method).state_dict())


@pytest.mark.slow
def test_in_two_threads(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [a_recipe("fused_dare_ties"), a_recipe("linear", dtype="float32")]
    for number, one in enumerate(recipes):
        merged_on_disk(one, f"out{number}")
    both, write = threading.Barrier(2), live_model._Filled.write

    def in_step(self: Any, *given: Any) -> None:
        both.wait(60)
        write(self, *given)

    monkeypatch.setattr(live_model._Filled, "write", in_step)
    models = [skeleton(one) for one in recipes]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(merge_into, models, recipes))
    for number, model in enumerate(models):
        check_equal(model.state_dict(), loaded(f"out{number}").state_dict())


# twice, as the first loads and compiles what it needs; the peak of a process is that of
# the one which has started it, unless it is set back
MEASURED = """
import sys
from pathlib import Path
from transformers import AutoConfig, AutoModelForCausalLM
from mergekit_ext.inmemory import merge_into, prepare_merge

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

prepared = prepare_merge("recipe.yml")
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("m/base"))
merge_into(model, prepared)
Path("/proc/self/clear_refs").write_text("5")
before = peak()
merge_into(model, prepared)
print((peak() - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is set back in /proc")
@pytest.mark.parametrize("method", ["fused_breadcrumbs", "linear"])
def test_the_largest_group_is_what_a_merge_needs_beside_the_model(
    method: str, here: Path
) -> None:
    sizes = {
        "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 40,
        "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 64,
        "vocab_size": 4096, "tie_word_embeddings": False,
    }  # fmt: skip
    make_models(here / "m", "llama", **sizes)
    Path("recipe.yml").write_text(yaml.safe_dump(a_recipe(method)), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    model = (here / "m/base/model.safetensors").stat().st_size
    # up to three models of 220 MB are read, of tensors of at most 4 MB
    assert model > 200e6
    assert int(done.stdout) < 0.35 * model
