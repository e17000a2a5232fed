"""Tiny models of many architectures, saved as transformers saves them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch


_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "vocab_size": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_EXPERTS = {"moe_intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2}

# model type -> what its configuration has beside the small sizes
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {},
    "qwen2": {},
    "qwen3": {},
    "qwen3_moe": _EXPERTS,
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gemma2": {},
    "gemma3_text": {},
    "phi3": {},
    "gpt2": {},
    "olmo2": {},
    "smollm3": {},
}


def save_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(64)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    tokenizer.save_pretrained(folder)


def make_models(folder: Path, kind: str, **changes: Any) -> Path:
    """Save ``base``, ``basque`` and ``instruct`` of one architecture.

    Args:
        folder: Where; it is made.
        kind: A key of ``ARCHITECTURES``.
        changes: More of the configuration.
    """
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = _SMALL | ARCHITECTURES[kind] | changes
    config = AutoConfig.for_model(kind, dtype="bfloat16", **settings)
    torch.manual_seed(0)
    base = folder / "base"
    AutoModelForCausalLM.from_config(config).bfloat16().save_pretrained(base)
    save_tokenizer(base)
    for seed, name in enumerate(("basque", "instruct")):
        shutil.copytree(base, folder / name)
        file = folder / name / "model.safetensors"
        generator = torch.Generator().manual_seed(seed)
        tensors = {
            key: (value + torch.randn(value.shape, generator=generator) * 0.02).to(
                value.dtype
            )
            for key, value in load_file(file).items()
        }
        save_weights(folder / name, tensors)
    return folder


def save_weights(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    from safetensors.torch import save_file

    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
