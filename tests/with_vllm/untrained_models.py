"""Models that vLLM takes, which nobody has trained, a recipe of them and its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

from lm_eval_iberian.corpus.prose import passages
from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
from mergekit_ext.merge_file import merge_file
from mergekit_ext.watch import Watch


def save_models(folder: Path, kind: str, tied: bool) -> Path:
    """Save three models that nobody has trained and a recipe of them, and merge it."""
    from transformers import AutoConfig, AutoModelForCausalLM

    texts = [p.text for lang in ("eu", "gl", "en") for p in passages(lang, "train")]
    tokenizer = with_chat(train_tokenizer(texts, 1000))
    config = AutoConfig.for_model(
        kind, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=32,
        vocab_size=len(tokenizer), tie_word_embeddings=tied,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        max_position_embeddings=4096,
    )  # fmt: skip
    for seed, name in enumerate(("base", "expert-eu", "instruct")):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight) * 0.05)
        model.bfloat16().save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    recipe: dict[str, Any] = {
        "merge_method": "fused_ties",
        "base_model": str(folder / "base"),
        "models": [
            {"model": str(folder / name), "parameters": {"weight": w, "density": 0.5}}
            for name, w in (("expert-eu", 0.5), ("instruct", 1.0))
        ],
        "tokenizer_source": str(folder / "instruct"),
        "dtype": "bfloat16",
    }
    (folder / "eu.yml").write_text(yaml.safe_dump(recipe), "utf-8")
    merge_file(str(folder / "eu.yml"), str(folder / "out"), {}, Watch())
    return folder
