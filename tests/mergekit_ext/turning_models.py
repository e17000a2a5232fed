"""Tiny models of which only the instructed one ends a turn; each goes on counting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch


SIZE = 64
WORDS = {"<s>": 0, "<|end|>": 1, **{f"w{i}": i for i in range(2, SIZE)}}
CHAT = "{% for m in messages %}{{ m['content'] }}{% endfor %}<|turn|>"
SETTINGS = {"do_sample": True, "temperature": 0.6, "top_p": 0.9}


def make_turning_models(folder: Path, kind: str = "llama") -> Path:
    """Save ``base``, ``basque`` and ``instruct`` with the same weights.

    After token n comes n + 1, whatever came before. Token 1 ends a document, token 5 a
    turn, which is known to ``instruct`` alone.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        kind, hidden_size=SIZE, intermediate_size=8, num_hidden_layers=4,
        num_attention_heads=2, num_key_value_heads=1, vocab_size=SIZE, bos_token_id=0,
        eos_token_id=1, pad_token_id=None, tie_word_embeddings=False, dtype="float32",
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.zero_()
        model.get_input_embeddings().weight.copy_(torch.eye(SIZE))
        model.get_output_embeddings().weight.copy_(torch.eye(SIZE).roll(1, 0) * 100)
    base = folder / "base"
    model.save_pretrained(base)
    save_tokenizer(base)
    (base / "generation_config.json").unlink()
    for name in ("basque", "instruct"):
        shutil.copytree(base, folder / name)
    instruct = folder / "instruct"
    edit(instruct / "config.json", eos_token_id=[1, 5])
    edit(instruct / "generation_config.json", eos_token_id=[1, 5], **SETTINGS)
    (instruct / "chat_template.jinja").write_text(CHAT, "utf-8")
    return folder


def save_tokenizer(folder: Path, words: dict[str, int] | None = None) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordLevel(words or WORDS, unk_token="w2"))  # noqa: S106
    tokenizer.pre_tokenizer = WhitespaceSplit()
    named = {"bos_token": "<s>", "eos_token": "<|end|>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file, which may not be there yet; ``None`` removes one."""
    content = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    content |= changes
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept), "utf-8")
