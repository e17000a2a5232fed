"""These tests need vLLM, which has an environment of its own: `make vllm-check`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml


HERE = Path(__file__).parent
MISSING = "NO VLLM: vLLM is not installed here; `make vllm-check` runs these"

# the smallest cache that it takes, of a machine's memory
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(
                pytest.mark.skipif(find_spec("vllm") is None, reason=MISSING)
            )


def save_models(folder: Path, kind: str, tied: bool) -> Path:
    """Save three models that nobody has trained and a recipe of them, and merge it."""
    from transformers import AutoConfig, AutoModelForCausalLM

    from lm_eval_iberian.corpus.prose import passages
    from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
    from mergekit_ext.merge_file import merge_file
    from mergekit_ext.watch import Watch

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


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models, their recipe ``eu.yml`` and its result ``out``."""
    return save_models(tmp_path_factory.mktemp("llama"), "llama", tied=False)
