"""What stock mergekit merges, ``iberian merge`` merges, and to the same numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.config import MergeConfiguration
from mergekit.io.tasks import LoaderCache
from mergekit.options import MergeOptions
from safetensors.torch import load_file
from tiny_models import ARCHITECTURES, make_models, save_weights
from transformers import AutoModelForCausalLM

from lm_eval_iberian.cli import main
from mergekit_ext import merge_file
from mergekit_ext.attach import unguarded_run_merge


pytestmark = pytest.mark.usefixtures("attached")

pytestmark = pytest.mark.slow  # merges models
FUSED = {
    "linear": "fused_linear",
    "task_arithmetic": "fused_task_arithmetic",
    "ties": "fused_ties",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def recipe(method: str = "linear", **changes: Any) -> dict[str, Any]:
    parameters = {"weight": 0.5}
    written: dict[str, Any] = {
        "merge_method": method,
        "base_model": "m/base",
        "models": [
            {"model": "m/basque", "parameters": dict(parameters)},
            {"model": "m/instruct", "parameters": dict(parameters)},
        ],
        "dtype": "float32",
    }
    if "linear" in method.split("_"):
        del written["base_model"]
    return written | changes


def merge(written: dict[str, Any] | str, *options: str, out: str = "out") -> Result:
    text = written if isinstance(written, str) else yaml.safe_dump(written)
    Path("recipe.yml").write_text(text, encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    return CliRunner().invoke(main, ["merge", "recipe.yml", out, *options])


def stock(written: dict[str, Any], out: str = "stock") -> dict[str, torch.Tensor]:
    shutil.rmtree(out, ignore_errors=True)
    config = MergeConfiguration.model_validate(written)
    options = MergeOptions(quiet=True, lora_merge_cache="loras", write_model_card=False)
    unguarded_run_merge()(config, out, options, "nothing")
    LoaderCache().loaders.clear()
    return load_file(Path(out, "model.safetensors"))


def check_refused(result: Result, message: str) -> None:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert message in result.output
    assert result.output.count("\n") == 2, result.output
    assert not Path("out").exists()


def check_same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6, msg=name)


def check_like_stock(written: dict[str, Any], **changes: Any) -> Result:
    """Check that stock and fused methods give what mergekit alone gives."""
    wanted = stock(written)
    for method in (written["merge_method"], FUSED[written["merge_method"]]):
        result = merge(written | {"merge_method": method} | changes)
        assert result.exit_code == 0, result.output
        check_same(load_file("out/model.safetensors"), wanted)
    return result


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_architectures(kind: str) -> None:
    make_models(Path("m"), kind)
    check_like_stock(recipe("task_arithmetic"))


def test_a_tied_base_and_an_untied_expert() -> None:
    make_models(Path("m"), "llama", tie_word_embeddings=True)
    expert = Path("m/basque")
    path = expert / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"tie_word_embeddings": False})
    )
    tensors = load_file(expert / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] * 2
    save_weights(expert, tensors)
    check_like_stock(recipe("task_arithmetic"))
    assert "lm_head.weight" in load_file("out/model.safetensors")
    model = AutoModelForCausalLM.from_pretrained("out")
    assert not torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    assert not json.loads(Path("out/config.json").read_text())["tie_word_embeddings"]


def test_a_head_that_is_tied_by_default_may_be_in_one_file_alone() -> None:
    make_models(Path("m"), "gemma2")
    for name in ("base", "basque", "instruct"):
        path = Path("m", name, "config.json")
        config = json.loads(path.read_text())
        config.pop("tie_word_embeddings", None)
        path.write_text(json.dumps(config))
    expert = Path("m/basque")
    tensors = load_file(expert / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_weights(expert, tensors)
    result = check_like_stock(recipe("task_arithmetic"))
    assert "of their own" not in result.output


def _sliced(*ranges: tuple[int, int], **source: Any) -> dict[str, Any]:
    parts = [
        {
            "sources": [
                {"model": f"m/{name}", "layer_range": list(layers)} | source
                for name in ("basque", "instruct")
            ]
        }
        for layers in ranges
    ]
    return {"slices": parts}


T = [
    {"filter": "self_attn", "value": [0, 0.5, 1]},
    {"filter": "mlp", "value": [1, 0]},
    {"value": 0.5},
]
VALID: dict[str, dict[str, Any]] = {
    "slerp with filters and gradients": {
        "merge_method": "slerp",
        "base_model": "m/basque",
        "parameters": {"t": T},
        **_sliced((0, 2)),
    },
    "slices that repeat": {
        "merge_method": "linear",
        "parameters": {"weight": 0.5},
        **_sliced((0, 2), (0, 1)),
    },
    "passthrough": {
        "merge_method": "passthrough",
        "slices": [
            {"sources": [{"model": "m/basque", "layer_range": [0, 2]}]},
            {
                "sources": [
                    {
                        "model": "m/instruct",
                        "layer_range": [1, 2],
                        "parameters": {
                            "scale": [
                                {"filter": "o_proj", "value": 0.0},
                                {"value": 1.0},
                            ]
                        },
                    }
                ]
            },
        ],
    },
    "modules": {
        "merge_method": "linear",
        "modules": {
            "default": {
                "models": [
                    {"model": "m/basque", "parameters": {"weight": [0.2, 0.8]}},
                    {"model": "m/instruct", "parameters": {"weight": 0.5}},
                ]
            }
        },
    },
    "a base among the models": {
        "merge_method": "ties",
        "base_model": "m/base",
        "models": [
            {"model": "m/base"},
            {"model": "m/basque", "parameters": {"weight": 0.5, "density": 1.0}},
        ],
        "parameters": {"normalize": True, "int8_mask": True},
    },
    "weights that sum to 0, not divided": {
        "merge_method": "linear",
        "models": [
            {"model": "m/basque", "parameters": {"weight": 1.0}},
            {"model": "m/instruct", "parameters": {"weight": -1.0}},
        ],
        "parameters": {"normalize": False},
    },
    "nuslerp": {
        "merge_method": "nuslerp",
        "models": [
            {"model": "m/basque", "parameters": {"weight": 0.5}},
            {"model": "m/instruct", "parameters": {"weight": 0.5}},
        ],
    },
    "model_stock": {
        "merge_method": "model_stock",
        "base_model": "m/base",
        "models": [{"model": "m/basque"}, {"model": "m/instruct"}],
    },
    "karcher": {
        "merge_method": "karcher",
        "models": [{"model": "m/basque"}, {"model": "m/instruct"}],
    },
    "a tokenizer block": {
        "merge_method": "linear",
        "models": [
            {"model": "m/basque", "parameters": {"weight": 0.5}},
            {"model": "m/instruct", "parameters": {"weight": 0.5}},
        ],
        "tokenizer": {
            "source": "union",
            "tokens": {"w3": {"source": "m/basque", "force": True}},
            "pad_to_multiple_of": 16,
        },
    },
}


@pytest.mark.parametrize("name", VALID)
def test_valid_recipes(name: str) -> None:
    make_models(Path("m"), "llama")
    written = VALID[name] | {"dtype": "float32"}
    wanted = stock(written)
    for method in {written["merge_method"], FUSED.get(written["merge_method"])} - {
        None
    }:
        result = merge(written | {"merge_method": method})
        assert result.exit_code == 0, result.output
        check_same(load_file("out/model.safetensors"), wanted)


def test_anchors_are_read() -> None:
    make_models(Path("m"), "llama")
    text = """
common: &half {weight: 0.5}
merge_method: fused_linear
models:
  - {model: m/basque, parameters: *half}
  - {model: m/instruct, parameters: *half}
dtype: float32
"""
    assert merge(text).exit_code == 0
    check_same(load_file("out/model.safetensors"), stock(recipe()))


def test_a_tensor_that_mergekit_ignores_is_said() -> None:
    make_models(Path("m"), "llama")
    expert = Path("m/basque")
    tensors = load_file(expert / "model.safetensors")
    save_weights(expert, tensors | {"value_head.weight": torch.ones(3)})
    result = check_like_stock(recipe("task_arithmetic"))
    assert "mergekit ignores" in result.output
    assert "value_head.weight" in result.output
    assert "'m/basque'" in result.output


def test_int8_mask_has_no_effect_and_goes_on() -> None:
    make_models(Path("m"), "llama")
    result = check_like_stock(recipe("ties", parameters={"int8_mask": True}))
    assert "int8_mask has no effect" in result.output


def test_a_tensor_that_is_needed_and_lacks_is_an_error() -> None:
    make_models(Path("m"), "llama")
    expert = Path("m/basque")
    tensors = load_file(expert / "model.safetensors")
    for name in [n for n in tensors if "layers.1.mlp" in n or "norm" in n]:
        del tensors[name]
    save_weights(expert, tensors)
    for method in ("task_arithmetic", "fused_task_arithmetic"):
        result = merge(recipe(method))
        check_refused(result, "Model 'm/basque' lacks tensors that 'm/instruct' has:")
        assert "and 5 more. Do all come" in result.output


@pytest.mark.parametrize("method", ["linear", "fused_dare_linear"])
def test_a_full_cache_is_merged_offline(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_models(Path("m"), "llama")
    for name in ("base", "basque", "instruct"):
        repo = Path("hub", f"models--HiTZ--{name}")
        shutil.copytree(Path("m", name), repo / "snapshots" / ("0" * 39 + name[0]))
        (repo / "refs").mkdir()
        (repo / "refs" / "main").write_text("0" * 39 + name[0])
    parameters = {"weight": 0.5} | ({"density": 0.5} if "dare" in method else {})
    written = {
        "merge_method": method,
        "models": [
            {"model": f"HiTZ/{name}", "parameters": parameters}
            for name in ("basque", "instruct")
        ],
        "dtype": "float32",
    } | ({"base_model": "HiTZ/base"} if "dare" in method else {})
    result = merge(written, "--transformers-cache", "hub")
    assert result.exit_code == 0, result.output
    assert "huggingface.co/HiTZ/basque" in Path("out/README.md").read_text("utf-8")
    made_of = json.loads(Path("out/merge_provenance.json").read_text())["models"]
    assert made_of[-1]["model"] == "HiTZ/instruct"
    assert made_of[-1]["commit"] == "0" * 39 + "i"


def test_dare_begins_with_a_density_of_zero() -> None:
    make_models(Path("m"), "llama", tie_word_embeddings=True)
    written = recipe("fused_dare_linear", base_model="m/base")
    for entry in written["models"]:
        entry["parameters"]["density"] = [0.0, 1.0]
    assert merge(written).exit_code == 0
    base = load_file("m/base/model.safetensors")
    found = load_file("out/model.safetensors")
    name = "model.layers.{}.mlp.up_proj.weight"
    assert torch.equal(found[name.format(0)], base[name.format(0)].float())
    assert not torch.equal(found[name.format(1)], base[name.format(1)].float())


def pickle_weights(folder: Path, shards: int = 1) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if shards == 1:
        torch.save(tensors, folder / "pytorch_model.bin")
        return
    names = sorted(tensors)
    placed = {name: f"pytorch_model-{i % shards}.bin" for i, name in enumerate(names)}
    for shard in set(placed.values()):
        part = {name: tensors[name] for name in names if placed[name] == shard}
        torch.save(part, folder / shard)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": placed}))


@pytest.mark.parametrize("shards", [1, 2])
def test_pickled_checkpoints(shards: int) -> None:
    make_models(Path("m"), "llama")
    wanted = stock(recipe("task_arithmetic"))
    pickle_weights(Path("m/basque"), shards)
    pickle_weights(Path("m/base"), shards)
    for method in ("task_arithmetic", "fused_task_arithmetic"):
        result = merge(recipe(method))
        assert result.exit_code == 0, result.output
        check_same(load_file("out/model.safetensors"), wanted)
    made_of = json.loads(Path("out/merge_provenance.json").read_text())["models"]
    assert all(len(one["weights"][0]["sha256"]) == 64 for one in made_of)


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("open('boom', 'w')",)


def test_a_pickle_runs_nothing() -> None:
    make_models(Path("m"), "llama")
    pickle_weights(Path("m/basque"))
    file = Path("m/basque/pytorch_model.bin")
    tensors = torch.load(file, weights_only=True)
    torch.save(tensors | {"bomb": Bomb()}, file)
    check_refused(merge(recipe()), "m/basque/pytorch_model.bin")
    file.write_bytes(b"no archive")
    check_refused(merge(recipe()), "m/basque/pytorch_model.bin")
    assert not Path("boom").exists()


def test_a_pickle_with_nan_is_refused() -> None:
    make_models(Path("m"), "llama")
    file = Path("m/basque/model.safetensors")
    tensors = load_file(file)
    tensors["model.norm.weight"][5] = float("nan")
    save_weights(file.parent, tensors)
    pickle_weights(file.parent)
    check_refused(merge(recipe()), "'model.norm.weight' holds nan at element 5")


@pytest.mark.parametrize("name", ["my basque", 'the "best"', "l'altre", "perú 2"])
@pytest.mark.parametrize("method", ["linear", "fused_linear"])
def test_names_of_folders(name: str, method: str) -> None:
    make_models(Path("m"), "llama")
    Path("m/basque").rename(Path("m", name))
    written = recipe(method)
    written["models"][0]["model"] = f"m/{name}"
    result = merge(written)
    assert result.exit_code == 0, result.output
    found = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert found["parsed_recipe"]["models"][0]["model"] == f"m/{name}"
    assert found["models"][0]["model"] == f"m/{name}"


@pytest.mark.parametrize("kind", ["qwen3_moe", "mixtral"])
def test_layer_swap_reverts_the_experts_of_a_mixture(kind: str) -> None:
    make_models(Path("m"), kind)
    written = recipe("layer_swap", parameters={"bottom": 1, "top": 0, "transition": 0})
    for entry, role in zip(written["models"], ("language", "task"), strict=True):
        entry["parameters"] = {"role": role}
    assert merge(written).exit_code == 0
    plain = load_file("out/model.safetensors")
    (name,) = (n for n in plain if "layers.0" in n and "down_proj" in n)
    written["parameters"]["revert"] = ["experts.down_proj"]
    result = merge(written)
    assert result.exit_code == 0, result.output
    found = load_file("out/model.safetensors")
    base = stock(
        recipe("linear", models=[{"model": "m/base", "parameters": {"weight": 1}}])
    )
    assert torch.equal(found[name], base[name])
    assert not torch.equal(plain[name], base[name])
    of_the_file = "experts.1.down_proj" if kind == "qwen3_moe" else "experts.1.w2"
    written["parameters"]["revert"] = [of_the_file]
    check_refused(merge(written), f"no tensor of the models has {of_the_file!r}")


@pytest.mark.parametrize("method", ["linear", "fused_linear"])
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            [{"filter": "self_atn", "value": 1}, {"value": 0.5}],
            "the filter 'self_atn' of weight matches no tensor",
        ),
        (
            [{"value": 0.5}, {"filter": "self_attn", "value": 1}],
            "the filter 'self_attn' of weight matches no tensor that an entry before",
        ),
        (
            [
                {"filter": "mlp", "value": 0.5},
                {"filter": "mlp.up", "value": 1},
                {"value": 1},
            ],
            "the filter 'mlp.up' of weight matches no tensor that an entry before",
        ),
    ],
)
def test_a_filter_that_matches_nothing(method: str, setting: Any, message: str) -> None:
    make_models(Path("m"), "llama")
    written = recipe(method)
    written["models"][1]["parameters"]["weight"] = setting
    check_refused(merge(written), message)
    check_refused(merge(written), "models[1].parameters")


def test_filters_are_matched_with_what_mergekit_hands_over() -> None:
    make_models(Path("m"), "qwen3_moe")
    written = recipe("task_arithmetic")
    entries = [{"filter": "experts.gate_up_proj", "value": 1}, {"value": 0.5}]
    written["models"][0]["parameters"]["weight"] = entries
    check_like_stock(written)
    entries[0]["filter"] = "experts.0.gate_proj"
    check_refused(
        merge(written), "the filter 'experts.0.gate_proj' of weight matches no"
    )


@pytest.mark.parametrize("method", ["linear", "fused_linear"])
def test_weights_that_cancel_out_are_refused_before_a_byte_is_read(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_models(Path("m"), "llama")
    Path("m/basque/model.safetensors").chmod(0o600)
    monkeypatch.setattr("mergekit_ext.checked_merge.scan", _unreachable)
    written = recipe(method)
    written["models"][1]["parameters"]["weight"] = -0.5
    check_refused(merge(written), "sum to 0")
    written["models"][1]["parameters"]["weight"] = [0.5, -0.5]
    check_refused(merge(written), "layers.1")


def _unreachable(*args: Any, **options: Any) -> Any:
    raise AssertionError("the weights were read")


def _token(model: str, place: str | int) -> dict[str, Any]:
    key = "token" if isinstance(place, str) else "token_id"
    return {"kind": "model_token", "model": model, key: place}


LATE = {
    "no such template": (
        {"chat_template": "chatlm"},
        "chat_template: Unknown chat template 'chatlm'. Did you mean chatml",
    ),
    "no template at all": (
        {"chat_template": "this one is no template but a sentence"},
        "chat_template",
    ),
    "a source that is not here": (
        {"tokenizer_source": "m/nowhere/at/all"},
        "tokenizer_source: Model 'm/nowhere/at/all'",
    ),
    "a word that is nearly one": (
        {"tokenizer_source": "unoin"},
        "tokenizer_source: did you mean union? Model 'unoin' is not a local folder",
    ),
    "a model that is merged, and nowhere": (
        {"models": [{"model": "some/one"}], "tokenizer_source": "some/one"},
        "tokenizer_source: Model 'some/one' is not a local folder",
    ),
    "a model that is nearly one, as a mapping": (
        {"tokenizer": {"source": {"model": {"path": "m/basqeu"}}}},
        "Did you mean m/basque?",
    ),
    "a token of a model that is not merged": (
        {"tokenizer": {"tokens": {"w1": {"source": "m/basqe"}}}},
        "tokenizer.tokens.w1: Unknown model of this merge 'm/basqe'. Did you mean"
        " m/basque",
    ),
    "the same, though it is here": (
        {"tokenizer": {"tokens": {"new": {"source": "m/base", "force": True}}}},
        "tokenizer.tokens.new: Unknown model of this merge 'm/base'.",
    ),
    "another token of a model that is not merged": (
        {"tokenizer": {"tokens": {"new": {"source": _token("m/bare", "w3")}}}},
        "tokenizer.tokens.new: Unknown model of this merge 'm/bare'.",
    ),
    "a token that its source has not": (
        {"tokenizer": {"tokens": {"w640": {"source": "m/basque"}}}},
        "tokenizer.tokens.w640: 'm/basque' has no token 'w640'. Did you mean w6",
    ),
    "another token that its source has not": (
        {"tokenizer": {"tokens": {"new": {"source": _token("m/basque", "w640")}}}},
        "tokenizer.tokens.new: 'm/basque' has no token 'w640'. Did you mean w6",
    ),
    "a number that its source has not": (
        {"tokenizer": {"tokens": {"new": {"source": _token("m/basque", 64)}}}},
        "tokenizer.tokens.new: 'm/basque' has no row 64 in"
        " 'model.embed_tokens.weight'; it has 64.",
    ),
    "no source where one is needed": (
        {"tokenizer": {"tokens": {"new": {}}}},
        "tokenizer.tokens.new needs a source, as 'm/basque' has no such token;",
    ),
    "no source where one is forced": (
        {"tokenizer": {"tokens": {"w1": {"force": True}}}},
        "tokenizer.tokens.w1 needs a source, as force is set; name a model, or zero.",
    ),
    "a source without a tokenizer": (
        {"tokenizer_source": "m/bare"},
        "tokenizer_source: Model 'm/bare' has no tokenizer",
    ),
    "the base, of which there is none": (
        {"tokenizer_source": "base"},
        "tokenizer_source is base, and the recipe has no base_model",
    ),
    "the same in a block": (
        {"tokenizer": {"source": "m/bare"}},
        "tokenizer_source: Model 'm/bare' has no tokenizer",
    ),
}


@pytest.mark.parametrize("method", ["linear", "fused_linear"])
@pytest.mark.parametrize("name", LATE)
def test_late_checks_come_first(
    name: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_models(Path("m"), "llama")
    Path("m/bare").mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("mergekit_ext.checked_merge.scan", _unreachable)
    changes, message = LATE[name]
    check_refused(merge(recipe(method, **changes)), message)


SOURCES: dict[str, dict[str, Any]] = {
    "union": {"tokenizer_source": "union"},
    "a model": {"tokenizer_source": "m/instruct"},
    "a model as a mapping": {"tokenizer_source": {"model": {"path": "m/instruct"}}},
    "a model from outside, in a block": {"tokenizer": {"source": "m/base"}},
    "a block alone": {"tokenizer": {"pad_to_multiple_of": 3}},
    "the base": {"tokenizer": {"source": "base"}, "base_model": "m/basque"},
    "rows": {
        "tokenizer": {
            "source": "union",
            "tokens": {
                "w1": {"source": "m/instruct"},
                "w2": {"source": "m/basque", "force": True},
                "w3": {"source": {"kind": "zero"}, "force": True},
                "w4": {},
                "w5": {"source": {"model": {"path": "m/basque"}}, "force": True},
                "new": {"source": {"kind": "zero"}},
                "newer": {"source": _token("m/basque", "w6")},
                "newest": {"source": _token("m/instruct", 63)},
            },
        }
    },
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_gives_tokens_is_what_mergekit_takes(name: str) -> None:
    make_models(Path("m"), "llama", vocab_size=64, tie_word_embeddings=False)
    check_like_stock(recipe(**SOURCES[name]))


def test_a_folder_written_in_two_ways_gives_its_token() -> None:
    make_models(Path("m"), "llama")
    source = _token(f"{Path.cwd()}/m/basque", "w6")
    result = merge(recipe(tokenizer={"tokens": {"new": {"source": source}}}))
    assert result.exit_code == 0, result.output


def test_a_layer_s_model_gives_no_row_of_a_vocabulary() -> None:
    make_models(Path("m"), "llama", tie_word_embeddings=False)
    slices = [
        {"sources": [{"model": f"m/{name}", "layer_range": [layer, layer + 1]}]}
        for layer, name in enumerate(("basque", "instruct"))
    ]
    tokens = {"new": {"source": _token("m/instruct", "w6")}}
    written = {
        "merge_method": "passthrough",
        "slices": slices,
        "tokenizer": {"tokens": tokens},
    }
    check_refused(
        merge(written),
        "tokenizer.tokens.new: 'm/instruct' gives nothing to"
        " 'model.embed_tokens.weight', which is made of m/basque.",
    )


def test_a_tokenizer_that_must_be_fetched_is_fetched_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_models(Path("m"), "llama")
    asked = []

    def snapshot_download(name: str, **options: Any) -> str:
        asked.append((name, options["allow_patterns"]))
        raise OSError(f"there is no {name}")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr("mergekit_ext.checked_merge.scan", _unreachable)
    check_refused(
        merge(recipe(tokenizer_source="unoin")),
        "tokenizer_source: did you mean union? Model 'unoin' is not here and cannot be"
        " fetched: there is no unoin",
    )
    ((name, patterns),) = asked
    assert name == "unoin"
    assert not any("safetensors" in pattern for pattern in patterns)


@pytest.mark.parametrize("template", ["chatml", "auto", "{{ messages[0]['content'] }}"])
def test_templates_that_are_ones(template: str) -> None:
    make_models(Path("m"), "llama")
    result = merge(recipe(chat_template=template))
    assert result.exit_code == 0, result.output


def test_a_tokenizer_from_outside_is_recorded() -> None:
    make_models(Path("m"), "llama")
    donor = Path("m/donor")
    donor.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        shutil.copy(Path("m/base", file), donor)
    result = merge(recipe(tokenizer_source="m/donor"))
    assert result.exit_code == 0, result.output
    found = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert [one["model"] for one in found["models"]] == ["m/basque", "m/instruct"]
    (tokenizer,) = found["tokenizers"]
    assert tokenizer["model"] == "m/donor"
    assert {file["name"] for file in tokenizer["files"]} >= {"tokenizer.json"}


def test_several_documents_point_to_the_command_for_them() -> None:
    make_models(Path("m"), "llama")
    text = yaml.safe_dump_all([recipe() | {"name": "one"}, recipe()])
    result = merge(text)
    check_refused(result, "holds several recipes")
    assert "mergekit-multi" in result.output


def test_options_for_adapters_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from peft import LoraConfig, get_peft_model

    make_models(Path("m"), "llama")
    model = AutoModelForCausalLM.from_pretrained("m/basque")
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"]))
    adapted.save_pretrained("m/lora")
    written = recipe()
    written["models"][0]["model"] = "m/basque+m/lora"
    given: list[MergeOptions] = []

    def run_merge(config: Any, out: str, options: MergeOptions, source: str) -> None:
        given.append(options)
        unguarded_run_merge()(config, out, options, source)

    monkeypatch.setattr(merge_file, "unguarded_run_merge", lambda: run_merge)
    result = merge(written, "--lora-merge-cache", "loras", "--low-cpu-memory")
    assert result.exit_code == 0, result.output
    assert list(Path("loras").rglob("*.safetensors")), "the copy is kept"
    assert given[0].low_cpu_memory
