"""Which models may be merged with each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.input_checks import check_alike
from mergekit_ext.inputs.safetensors_header import TensorHeader


def checkpoint(
    name: str, shapes: Mapping[str, tuple[int, ...]], **config: Any
) -> Checkpoint:
    tensors = {n: TensorHeader("BF16", s, Path("x")) for n, s in shapes.items()}
    return Checkpoint(name, Path(), config, tensors)


WORDS = {"embed": (64, 8), "norm": (8,)}


def test_two_of_a_kind_pass() -> None:
    check_alike([checkpoint("a", WORDS), checkpoint("b", WORDS)])
    check_alike([checkpoint("a", WORDS)])
    check_alike([])


def test_architectures_may_be_mixed_by_permission_alone() -> None:
    two = [checkpoint(n, WORDS, model_type=n) for n in ("llama", "qwen3")]
    with pytest.raises(InputError, match="model_type is llama in 'llama' but qwen3"):
        check_alike(two)
    check_alike(two, any_architecture=True)


def test_vocabularies_may_differ_if_aligned_widths_never() -> None:
    one = checkpoint("a", WORDS, vocab_size=64)
    two = checkpoint("b", WORDS | {"embed": (70, 8)}, vocab_size=70)
    with pytest.raises(InputError, match="let mergekit align them with tokenizer_sou"):
        check_alike([one, two])
    check_alike([one, two], any_vocabulary=True)
    wide = checkpoint("b", WORDS | {"embed": (70, 9)}, vocab_size=70)
    with pytest.raises(InputError, match=r"shape \(64, 8\) in 'a' but \(70, 9\)"):
        check_alike([one, wide], any_vocabulary=True)
