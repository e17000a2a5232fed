"""A model for the tests that run lm-eval itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian.corpus.prose import passages
from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
from lm_eval_iberian.demo.train import Shape, new_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that nobody has trained, with its tokenizer."""
    folder = tmp_path_factory.mktemp("model")
    texts = [p.text for lang in ("eu", "gl", "en") for p in passages(lang, "train")]
    tokenizer = with_chat(train_tokenizer(texts, 1000))
    shape = Shape(vocabulary=1000, hidden=32, intermediate=64, layers=1, heads=2)
    new_model(shape, tokenizer, "tiny").save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
