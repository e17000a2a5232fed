"""What ``--model_args`` say of a merge, read and checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from lm_eval_iberian.errors import IberianError


class ModelArgumentError(IberianError, ValueError):
    """An argument of a model does not exist, or cannot be had together with another."""


# what lm-eval or transformers would load, place or quantize itself: argument -> why not
_REFUSED = {
    "peft": "merge the adapter by the recipe: model: FOLDER+ADAPTER",
    "delta": "merge it by the recipe",
    "autogptq": "a quantized model cannot be merged into",
    "gptqmodel": "a quantized model cannot be merged into",
    "gguf_file": "a quantized model cannot be merged into",
    "load_in_4bit": "a quantized model cannot be merged into",
    "load_in_8bit": "a quantized model cannot be merged into",
    "quantization_config": "a quantized model cannot be merged into",
    "parallelize": "a merge is put on one device",
    "device_map": "a merge is put on one device",
    "max_memory_per_gpu": "a merge is put on one device",
    "max_cpu_memory": "a merge is put on one device",
    "tp_plan": "a merge is put on one device",
    "subfolder": "the recipe says where its models are",
    "trust_remote_code": "models whose code comes with them cannot be merged",
}
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


def read_arguments(given: Mapping[str, Any]) -> MergeArguments | None:
    """Read what arguments say of a merge.

    Args:
        given: All arguments of the model.

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
            "--model merged takes recipe=RECIPE.yml, or pretrained=FOLDER for a model"
            f" that is loaded as it is; --model_args has {found}"
        )
    if recipe is None:
        for name in ("weights", "merge_device", "merge_seed"):
            if given.get(name) is not None:
                raise ModelArgumentError(
                    f"{name} is for a merge, and --model_args has pretrained={folder};"
                    " give recipe=RECIPE.yml, or leave it out"
                )
        return None
    for name, why in _REFUSED.items():
        if given.get(name) not in _UNSET:
            raise ModelArgumentError(
                f"{name}={given[name]} does not go with recipe={recipe}: {why}; or"
                " merge it to a folder with `iberian merge`, and use --model hf"
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
