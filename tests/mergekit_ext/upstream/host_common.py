"""What mergekit's tests/common.py gives the exported tests; no release contains it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge
from transformers import LlamaConfig, LlamaForCausalLM


def run_and_check_merge(
    config: MergeConfiguration, validate: Callable[[str], None]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_merge(config, out_path=folder, options=MergeOptions())
        validate(folder)


def make_picollama(path: str, vocab_size: int = 64) -> str:
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=48,
        num_attention_heads=16,
        num_hidden_layers=2,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return str(path)
