"""What ``--model_args`` say of a merge."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.harness.merge_arguments import (
    MergeArguments,
    ModelArgumentError,
    read_arguments,
)


READ: list[tuple[str, dict[str, Any], MergeArguments | None]] = [
    ("a folder", {"pretrained": "m/base"}, None),
    ("a folder of which everything may be asked",
     {"pretrained": "m/base", "peft": "x", "parallelize": True}, None),
    ("a recipe", {"recipe": "r/eu.yml"}, MergeArguments("r/eu.yml", {}, "r/eu")),
    ("what is unset in lm-eval's words",
     {"recipe": "eu.yaml", "peft": None, "parallelize": False, "revision": "main",
      "subfolder": ""}, MergeArguments("eu.yaml", {}, "eu")),
    ("weights", {"recipe": "eu.yml", "weights": "instruct:1+eu:0.25"},
     MergeArguments("eu.yml", {"instruct": 1, "eu": 0.25}, "eu-instruct:1+eu:0.25")),
    ("weights as an object", {"recipe": "eu.yml", "weights": {"instruct": 1}},
     MergeArguments("eu.yml", {"instruct": 1}, "eu-instruct:1")),
    ("a name of its own", {"recipe": "eu.yml", "weights": "eu:1", "model": "mine"},
     MergeArguments("eu.yml", {"eu": 1}, "mine")),
    ("where and how it is computed",
     {"recipe": "eu.yml", "merge_device": "cpu", "merge_seed": 3},
     MergeArguments("eu.yml", {}, "eu", "cpu", 3)),
    ("a name with dots", {"recipe": "eu.v2"}, MergeArguments("eu.v2", {}, "eu.v2")),
]  # fmt: skip


@pytest.mark.parametrize(("why", "given", "wanted"), READ)
def test_what_is_read(
    why: str, given: dict[str, Any], wanted: MergeArguments | None
) -> None:
    assert read_arguments(given) == wanted


def test_what_mergekit_is_told() -> None:
    assert MergeArguments("r.yml").options == {}
    told = MergeArguments("r.yml", merge_device="cuda:1", merge_seed=0).options
    assert told == {"device": "cuda:1", "random_seed": 0}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "--model_args has neither"),
    ({"pretrained": "m", "recipe": "r.yml"}, "--model_args has both"),
    ({"pretrained": "m", "weights": "a:1"}, "weights is for a merge"),
    ({"pretrained": "m", "merge_seed": 1}, "merge_seed is for a merge"),
    ({"recipe": "r.yml", "weights": 3}, "weights=3 is no list of weights"),
    ({"recipe": "r.yml", "merge_seed": "x"}, "merge_seed=x is no whole number"),
    ({"recipe": "r.yml", "weights": "a:1", "b:0.5": ""},
     "'b:0.5' is no argument; lm-eval cuts arguments at commas"),
    ({"recipe": "r.yml", "revision": "v2"}, "as model: NAME@REVISION"),
    *(
        ({"recipe": "r.yml", name: value},
         rf"{name}=\S+ does not go with recipe=r.yml: .*--model hf")
        for name, value in (
            ("peft", "adapter"), ("delta", "d"), ("gguf_file", "f.gguf"),
            ("autogptq", True), ("gptqmodel", True), ("load_in_4bit", True),
            ("load_in_8bit", True), ("quantization_config", "q"),
            ("parallelize", True), ("device_map", "auto"), ("tp_plan", "auto"),
            ("max_memory_per_gpu", "1GiB"), ("max_cpu_memory", 5),
            ("subfolder", "x"), ("trust_remote_code", True),
        )
    ),
]  # fmt: skip


VLLM_READ: list[tuple[str, dict[str, Any]]] = [
    ("what vllm takes", {"tensor_parallel_size": 2, "gpu_memory_utilization": 0.8,
                         "enforce_eager": True, "max_model_len": 1024}),
    ("what is as good as nothing", {"data_parallel_size": 1, "load_format": "auto",
                                    "quantization": None, "enable_lora": False}),
    ("processes of this machine", {"distributed_executor_backend": "mp"}),
]  # fmt: skip


@pytest.mark.parametrize(("why", "given"), VLLM_READ)
def test_what_goes_with_a_merge_in_vllm(why: str, given: dict[str, Any]) -> None:
    asked = read_arguments({"recipe": "r/eu.yml"} | given, "merged-vllm")
    assert asked == MergeArguments("r/eu.yml", {}, "r/eu")


VLLM_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "--model merged-vllm takes recipe=RECIPE.yml, or pretrained=FOLDER"),
    *(
        ({"recipe": "r.yml", name: value},
         rf"{name}=.* does not go with recipe=r.yml: .*{why}.*--model vllm")
        for name, value, why in (
            ("lora_local_path", "adapter", "by the recipe"),
            ("enable_lora", True, "by the recipe"),
            ("quantization", "fp8", "quantized"),
            ("quantization_config", {"a": 1}, "quantized"),
            ("load_format", "dummy", "in no file"),
            ("model_loader_extra_config", {"a": 1}, "in no file"),
            ("model_weights", "s3://x", "in no file"),
            ("hf_config_path", "c", "configuration"),
            ("config_format", "mistral", "configuration"),
            ("cpu_offload_gb", 4, "offloaded"),
            ("offload_group_size", 2, "offloaded"),
            ("speculative_config", {"model": "m"}, "draft"),
            ("data_parallel_size", 2, "for each GPU"),
            ("distributed_executor_backend", "ray", "one machine"),
            ("nnodes", 2, "one machine"),
            ("worker_extension_cls", "a.B", "by one of ours"),
            ("trust_remote_code", True, "code"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), VLLM_REFUSED)
def test_what_does_not_go_with_a_merge_in_vllm(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelArgumentError, match=message):
        read_arguments(given, "merged-vllm")


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelArgumentError, match=message):
        read_arguments(given)
