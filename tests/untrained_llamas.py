"""Tiny models that nobody has trained, with a tokenizer: to be merged and evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_iberian.corpus.prose import passages
from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
from lm_eval_iberian.demo.train import Shape, new_model


def save_untrained(
    folder: Path,
    *names: str,
    layers: int = 2,
    hidden: int = 32,
    langs: Sequence[str] = ("eu", "en"),
) -> None:
    """Save a model below a folder for each name, on which alone its weights depend."""
    texts = [p.text for lang in langs for p in passages(lang, "train")]
    tokenizer = with_chat(train_tokenizer(texts, 1000))
    shape = Shape(
        vocabulary=1000, hidden=hidden, intermediate=64, layers=layers, heads=2
    )
    for name in names:
        new_model(shape, tokenizer, name).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
