"""``lm_eval --model merged``: lm-eval's ``hf`` of a merge that is in no file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.registry import model_registry
from lm_eval.models.huggingface import HFLM, get_dtype
from transformers import AutoConfig, GenerationConfig

from lm_eval_iberian.harness.kept_models import KeptModels, kept_or_own
from lm_eval_iberian.harness.merge_arguments import (
    OURS,
    MergeArguments,
    ModelArgumentError,
)
from lm_eval_iberian.harness.merged_model import (
    in_words,
    name_results,
    read_asked,
    recorded_merge,
    tokenizer_name,
)
from mergekit_ext.inmemory import (
    PreparedMerge,
    check_memory,
    merge_into,
)
from mergekit_ext.inmemory.memory_space import model_bytes


# what transformers takes when it loads files, and has nothing to say to a merge
_WITHOUT_EFFECT = {"low_cpu_mem_usage", "use_safetensors", "max_memory"}
_BUILDING = ("attn_implementation", "experts_implementation")


class MergedHFLM(HFLM):  # type: ignore[misc]
    """lm-eval's model type ``hf`` for a recipe, merged straight into memory.

    The same results as ``iberian merge`` and ``--model hf``, weight for weight. Of a
    folder given as ``pretrained`` it is ``hf`` itself.

    Args:
        pretrained: A model's folder or name; then there is no recipe.
        recipe: The recipe file.
        weights: Other weights for the recipe's models, by the names of their folders:
            ``instruct:1+expert-eu:0.5``, or a mapping.
        model: What results call it; by default the recipe's name, with the weights.
        merge_device: Where to merge; by default as ``MergeArguments`` has it.
        merge_seed: For methods of others that draw from torch's generator.
        others: The arguments of ``hf``.

    Raises:
        ModelArgumentError: If an argument does not go with a merge, and what
            ``iberian merge`` would refuse.
    """

    def __init__(
        self,
        pretrained: Any = None,
        recipe: str | None = None,
        weights: str | Mapping[str, float] | None = None,
        model: str | None = None,
        merge_device: str | None = None,
        merge_seed: int | None = None,
        **others: Any,
    ) -> None:
        ours = (recipe, weights, model, merge_device, merge_seed)
        given = dict(zip(OURS, ours, strict=True)) | {"pretrained": pretrained}
        asked = read_asked({**others, **given})
        self._merge: PreparedMerge | None = None
        if asked is None:
            with kept_or_own() as kept:
                kept.let_go()  # it takes as much memory as what is kept
            super().__init__(pretrained, **others)
            return
        self._asked = asked
        with kept_or_own() as kept, kept.measured(others.get("device", "cuda")):
            with in_words():
                self._merge, side = kept.prepared(asked)
            self._kept: KeptModels | None = kept
            super().__init__(str(side), **others)
            self._kept = None
            if not others.get("tokenizer"):
                self.tokenizer.name_or_path = tokenizer_name(side)
        self.pretrained = asked.name

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> MergedHFLM:
        """Create one as lm-eval does; the arguments get a name for it to record."""
        name_results(arg_dict)
        made: MergedHFLM = super().create_from_arg_obj(arg_dict, additional_config)
        return made

    def get_model_info(self) -> dict[str, Any]:
        """Return what results record of the model; of a merge, what it was made of."""
        if self._merge is None:
            found: dict[str, Any] = super().get_model_info()
            return found
        return {
            "model_num_parameters": self.model.num_parameters(),
            "model_dtype": self.model.dtype,
            "model_revision": "",
            "model_sha": "",
            **recorded_merge(self._asked, self._merge),
        }

    def _create_model(self, pretrained: str, **given: Any) -> None:
        """Build a model without weights, and merge into it."""
        if self._merge is None:
            super()._create_model(pretrained, **given)
            return
        kept = self._kept
        if kept is None:
            raise ModelArgumentError("a merge makes its model when it is made itself")
        with in_words():
            merge = self._placed(self._merge, self._asked)
            self._model = self._built(Path(pretrained), merge, given, kept)
            subject = kept.subject(str(merge.merge.options.device))
            with kept.filling(self._model, subject) as empty:
                if empty:
                    merge_into(self._model, merge, resident=kept.resident)

    def _placed(self, merge: PreparedMerge, asked: MergeArguments) -> PreparedMerge:
        """Return a merge computed where the model is, if that gives the same bits."""
        where = torch.device(self.device)
        if asked.merge_device or where.type != "cuda" or not merge.is_ours:
            return merge
        return merge.computed_on(str(where))

    def _built(
        self,
        side: Path,
        merge: PreparedMerge,
        given: Mapping[str, Any],
        kept: KeptModels,
    ) -> torch.nn.Module:
        """Return a model as ``from_pretrained`` makes one.

        Its weights are of no value yet, or those of the model that was kept.
        """
        building = {name: given[name] for name in _BUILDING if name in given}
        names = given.keys() - _HANDLED - _WITHOUT_EFFECT - building.keys()
        more = {name: given[name] for name in names if given[name] is not None}
        config, unknown = AutoConfig.from_pretrained(
            side, return_unused_kwargs=True, **more
        )
        if unknown:
            raise ModelArgumentError(
                f"{', '.join(sorted(unknown))} is no argument of --model merged, nor"
                " anything that the configuration of the model has"
            )
        dtype = _dtype(given.get("dtype"), config, merge)
        with torch.device("meta"):  # where nothing is drawn of lm-eval's seeds
            model = self.AUTO_MODEL_CLASS.from_config(config, dtype=dtype, **building)
        _check_wide(model, dtype)
        weights = kept.weights_for(model, self.device)
        if weights is None:
            size = model_bytes(merge, dtype)
            check_memory(merge, new_model=size, device=self.device)
            model.to_empty(device=self.device)
        else:
            model.load_state_dict(weights, assign=True)
            # the rest: buffers that no file holds
            model._apply(
                lambda one: (
                    torch.empty_like(one, device=self.device) if one.is_meta else one
                )
            )
        # what no file holds is computed, and what will be merged is left alone
        for tensor in model.state_dict(keep_vars=True).values():
            tensor._is_hf_initialized = True
        model.initialize_weights()
        model.tie_weights()
        if (side / "generation_config.json").is_file() and model.can_generate():
            model.generation_config = GenerationConfig.from_pretrained(side)
        model.config._name_or_path = self._asked.name
        return model.eval()  # type: ignore[no-any-return]


# imported outright, where no start-up file has registered it and no entry point
if "merged" not in model_registry:
    model_registry.register("merged", target=MergedHFLM)

# what lm-eval hands over of its own, read or refused elsewhere
_HANDLED = {
    "revision", "dtype", "trust_remote_code", "parallelize", "gpus", "tp_plan",
    "max_memory_per_gpu", "max_cpu_memory", "offload_folder", "peft", "delta",
    "autogptq", "gptqmodel", "gguf_file", "quantization_config", "subfolder",
    "load_in_4bit", "load_in_8bit", "device_map",
}  # fmt: skip


def _dtype(given: Any, config: Any, merge: PreparedMerge) -> torch.dtype:
    """Return the dtype that transformers would load the result in."""
    asked = get_dtype("auto" if given is None else given)
    if isinstance(asked, torch.dtype):
        return asked
    if isinstance(config.dtype, torch.dtype):
        return config.dtype
    found = merge.dtypes
    if len(found) != 1:
        shown = ", ".join(str(one) for one in found) or "none"
        raise ModelArgumentError(
            f"dtype: neither the recipe nor its models say which, and the weights are"
            f" of {shown}; give dtype=bfloat16"
        )
    return found[0]


def _check_wide(model: Any, dtype: torch.dtype) -> None:
    """Refuse a model of which transformers keeps parts in float32."""
    kept = set(getattr(model, "_keep_in_fp32_modules_strict", None) or ())
    if dtype == torch.float16:
        kept |= set(getattr(model, "_keep_in_fp32_modules", None) or ())
    if kept and dtype in (torch.float16, torch.bfloat16):
        raise ModelArgumentError(
            f"dtype={dtype}: transformers keeps {', '.join(sorted(kept))} of"
            f" {type(model).__name__} in float32; merge it to a folder with `iberian"
            " merge`, and use --model hf"
        )
