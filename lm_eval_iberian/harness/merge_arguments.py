"""What ``--model_args`` say of a merge, read and checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from lm_eval_iberian.errors import IberianError


class ModelArgumentError(IberianError, ValueError):
    """An argument of a model does not exist, or cannot be had together with another."""


_ADAPTER = "merge the adapter by the recipe: model: FOLDER+ADAPTER"
_QUANTIZED = "a quantized model cannot be merged into"
_ONE_DEVICE = "a merge is put on one device"
_OWN_CODE = "models whose code comes with them cannot be merged"
_NO_FILES = "a merge is in no file"
# what the engine would load, place or quantize itself, for each model type:
# argument -> why not
_REFUSED: dict[str, dict[str, str]] = {
    "merged": {
        "peft": _ADAPTER,
        "delta": "merge it by the recipe",
        "autogptq": _QUANTIZED,
        "gptqmodel": _QUANTIZED,
        "gguf_file": _QUANTIZED,
        "load_in_4bit": _QUANTIZED,
        "load_in_8bit": _QUANTIZED,
        "quantization_config": _QUANTIZED,
        "parallelize": _ONE_DEVICE,
        "device_map": _ONE_DEVICE,
        "max_memory_per_gpu": _ONE_DEVICE,
        "max_cpu_memory": _ONE_DEVICE,
        "tp_plan": _ONE_DEVICE,
        "subfolder": "the recipe says where its models are",
        "trust_remote_code": _OWN_CODE,
    },
    "merged-vllm": {
        "lora_local_path": _ADAPTER,
        "enable_lora": _ADAPTER,
        "quantization": _QUANTIZED,
        "quantization_config": _QUANTIZED,
        "load_format": _NO_FILES,
        "model_loader_extra_config": _NO_FILES,
        "model_weights": _NO_FILES,
        "hf_config_path": "the recipe says what the configuration is",
        "config_format": "the recipe says what the configuration is",
        "cpu_offload_gb": "offloaded weights cannot be merged into",
        "offload_group_size": "offloaded weights cannot be merged into",
        "speculative_config": "the draft would be an empty model as well",
        "data_parallel_size": (
            "lm-eval starts each of its replicas from files, for every batch; use"
            " tensor_parallel_size, or run one lm_eval for each GPU"
        ),
        "distributed_executor_backend": (
            "the processes of a merge are on one machine: mp, or left out"
        ),
        "nnodes": "the processes of a merge are on one machine",
        "worker_extension_cls": "the workers are given a merge by one of ours",
        "trust_remote_code": _OWN_CODE,
    },
}
# values of these that are as good as none
_ALLOWED: dict[str, tuple[Any, ...]] = {
    "data_parallel_size": (1, "1"),
    "distributed_executor_backend": ("mp", "uni"),
    "nnodes": (1, "1"),
    "load_format": ("auto",),
}
# what loads a folder, as each model type does with pretrained=FOLDER
_OF_FILES = {"merged": "hf", "merged-vllm": "vllm"}
OURS = ("recipe", "weights", "model", "merge_device", "merge_seed")
_UNSET = (None, False, "", 0, "False", "None", "main")


@dataclass(frozen=True)
class MergeArguments:
    """A merge, as arguments of a model ask for it.

    Args:
        recipe: The recipe file.
        weights: Model to weight, in the place of the recipe's.
        name: What the model is called in results.
        merge_device: Where to compute; by default on the model's device by the methods
            of this package, which give the same bits everywhere, and else on the CPU.
        merge_seed: For methods of others that draw from torch's generator.
    """

    recipe: str
    weights: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    merge_device: str | None = None
    merge_seed: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What mergekit is told."""
        given = {"device": self.merge_device, "random_seed": self.merge_seed}
        return {name: value for name, value in given.items() if value is not None}


def read_arguments(
    given: Mapping[str, Any], model_type: str = "merged"
) -> MergeArguments | None:
    """Read what arguments say of a merge.

    Args:
        given: All arguments of the model.
        model_type: Whose they are: ``merged`` or ``merged-vllm``.

    Returns:
        ``None`` for a model that is loaded from a folder as it is.

    Raises:
        ModelArgumentError: If there is no one of ``recipe`` and ``pretrained``, or one
            of the others goes with neither.
        MergeError: If weights cannot be read.
    """
    from mergekit_ext.recipes.weight_override import read_weights

    recipe, folder = given.get("recipe"), given.get("pretrained")
    _check_cut(given)
    if (recipe is None) == (folder is None):
        found = "both" if recipe is not None else "neither"
        raise ModelArgumentError(
            f"--model {model_type} takes recipe=RECIPE.yml, or pretrained=FOLDER for a"
            f" model that is loaded as it is; --model_args has {found}"
        )
    if recipe is None:
        for name in ("weights", "merge_device", "merge_seed"):
            if given.get(name) is not None:
                raise ModelArgumentError(
                    f"{name} is for a merge, and --model_args has pretrained={folder};"
                    " give recipe=RECIPE.yml, or leave it out"
                )
        return None
    for name, why in _REFUSED[model_type].items():
        if given.get(name) not in (*_UNSET, *_ALLOWED.get(name, ())):
            raise ModelArgumentError(
                f"{name}={given[name]} does not go with recipe={recipe}: {why}; or"
                " merge it to a folder with `iberian merge`, and use --model"
                f" {_OF_FILES[model_type]}"
            )
    if given.get("revision") not in _UNSET:
        raise ModelArgumentError(
            f"revision={given['revision']} does not go with recipe={recipe}: write it"
            " into the recipe, as model: NAME@REVISION"
        )
    weights = given.get("weights") or {}
    if isinstance(weights, str):
        weights = read_weights(weights)
    if not isinstance(weights, Mapping):
        raise ModelArgumentError(
            f"weights={weights} is no list of weights; write"
            " weights=instruct:1+expert-eu:0.5"
        )
    seed = given.get("merge_seed")
    if seed is not None and type(seed) is not int:
        raise ModelArgumentError(f"merge_seed={seed} is no whole number")
    return MergeArguments(
        str(recipe),
        dict(weights),
        str(given.get("model") or model_name(str(recipe), weights)),
        given.get("merge_device"),
        seed,
    )


def model_name(recipe: str, weights: Mapping[str, float]) -> str:
    """Return what a merge is called, for results of several to be told apart.

    >>> model_name("recipes/eu.yml", {"instruct": 1.0, "expert-eu": 0.5})
    'recipes/eu-instruct:1+expert-eu:0.5'
    """
    path = PurePath(recipe)
    stem = str(path.with_suffix("")) if path.suffix in (".yml", ".yaml") else recipe
    if not weights:
        return stem
    return f"{stem}-{'+'.join(f'{name}:{one:g}' for name, one in weights.items())}"


def _check_cut(given: Mapping[str, Any]) -> None:
    """Refuse what lm-eval has made of weights with commas between them."""
    for name in given:
        if ":" in name:
            raise ModelArgumentError(
                f"{name!r} is no argument; lm-eval cuts arguments at commas, so put a"
                " plus between weights: weights=instruct:1+expert-eu:0.5"
            )
