"""``lm_eval --model merged-vllm``: lm-eval's ``vllm`` of a merge that is in no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from lm_eval.api.registry import model_registry

from lm_eval_iberian.harness.kept_models import KeptModels, kept_or_own
from lm_eval_iberian.harness.merge_arguments import (
    OURS,
    ModelArgumentError,
)
from lm_eval_iberian.harness.merged_model import (
    in_words,
    name_results,
    read_asked,
    recorded_merge,
    tokenizer_name,
)
from lm_eval_iberian.harness.vllm_engine import (
    VLLMEngine,
    check_vllm,
    engine_device,
    engine_key,
    in_one_process,
)
from mergekit_ext.compat import lent
from mergekit_ext.inmemory import PreparedMerge, check_memory
from mergekit_ext.inmemory.memory_space import model_bytes


try:
    import lm_eval.models.vllm_causallms as vllm_causallms
except ImportError as error:
    raise ModelArgumentError(
        f"--model merged-vllm needs vLLM, which cannot be imported ({error}): pip"
        ' install "lm_eval[vllm]", or use --model merged'
    ) from error

_NAME = "merged-vllm"
# what builds the engine of the model that this thread makes
_BUILD: ContextVar[Callable[[dict[str, Any]], Any] | None] = ContextVar(
    "builds the engine", default=None
)


class MergedVLLM(vllm_causallms.VLLM):  # type: ignore[misc]
    """lm-eval's model type ``vllm`` for a recipe, merged straight into its engine.

    The same results as ``iberian merge`` and ``--model vllm``, token for token. Of a
    folder given as ``pretrained`` it is ``vllm`` itself.

    Args:
        pretrained: A model's folder or name; then there is no recipe.
        recipe: The recipe file.
        weights: Other weights for the recipe's models, by the names of their folders:
            ``instruct:1+expert-eu:0.5``, or a mapping.
        model: What results call it; by default the recipe's name, with the weights.
        merge_device: Where to merge; by default on the CPU, as vLLM takes what memory
            a GPU has.
        merge_seed: For methods of others that draw from torch's generator.
        others: The arguments of ``vllm``.

    Raises:
        ModelArgumentError: If an argument does not go with a merge, and what
            ``iberian merge`` would refuse.
        VLLMChangedError: If this vLLM cannot be given weights.
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
        asked = read_asked({**others, **given}, _NAME)
        self._merge: PreparedMerge | None = None
        if asked is None:
            with kept_or_own() as kept:
                kept.let_go()  # it takes as much memory as what is kept
            super().__init__(pretrained, **others)
            return
        check_vllm()
        self._asked = asked
        with kept_or_own() as kept, kept.measured("cuda"):
            with in_words():
                self._merge, side = kept.prepared(asked)
            token = _BUILD.set(partial(self._build, self._merge, kept))
            try:
                with lent(vllm_causallms, "LLM", _built_by_us):
                    super().__init__(str(side), **others)
            finally:
                _BUILD.reset(token)
            if not others.get("tokenizer"):
                self.tokenizer.name_or_path = tokenizer_name(side)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> MergedVLLM:
        """Create one as lm-eval does; the arguments get a name for it to record."""
        name_results(arg_dict, _NAME)
        made: MergedVLLM = super().create_from_arg_obj(arg_dict, additional_config)
        return made

    def get_model_info(self) -> dict[str, Any]:
        """Return what results record of the model; of a merge, what it was made of."""
        if self._merge is None:
            return {}
        return recorded_merge(self._asked, self._merge)

    def _build(
        self, merge: PreparedMerge, kept: KeptModels, arguments: dict[str, Any]
    ) -> Any:
        """Return vLLM's engine, filled; in the place of ``LLM(**arguments)``."""

        def built() -> VLLMEngine:
            _check_room(merge, arguments)
            return VLLMEngine(arguments)

        with in_words():
            # of several processes none can be brought back to its beginning
            key = engine_key(arguments) if in_one_process(arguments) else object()
            self.engine = kept.engine(key, built)
            if not self.engine.has(merge):
                kept.note_merge()
                self.engine.fill(merge, resident=kept.resident)
        return self.engine.llm

    def _model_generate(self, *args: Any, **kwargs: Any) -> Any:
        if self._merge is None:
            return super()._model_generate(*args, **kwargs)
        with in_words(), self.engine.answering(self._merge):
            return super()._model_generate(*args, **kwargs)


# imported outright, where no start-up file has registered it and no entry point
if _NAME not in model_registry:
    model_registry.register(_NAME, target=MergedVLLM)


def _built_by_us(original: Callable[..., Any]) -> Callable[..., Any]:
    def build(**arguments: Any) -> Any:
        ours = _BUILD.get()
        return original(**arguments) if ours is None else ours(arguments)

    return build


def _check_room(merge: PreparedMerge, given: Mapping[str, Any]) -> None:
    """Check that the engine fits, where it is in this process."""
    if in_one_process(given):
        dtype = getattr(torch, str(given.get("dtype")), None)
        check_memory(merge, new_model=model_bytes(merge, dtype), device=engine_device())
