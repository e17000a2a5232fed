"""A Llama-shaped base of 0.77 billion parameters, and two experts near it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from merge_cases import family


FOLDERS: Final = ("base", "expert_1", "expert_2")


@dataclass(frozen=True)
class Shape:
    """The shape of a Llama with heads of 64 and four query heads to a key head."""

    vocabulary: int = 128_256
    hidden: int = 2_048
    intermediate: int = 8_192
    layers: int = 4

    @property
    def parameters(self) -> int:
        return sum(
            torch.Size(size).numel()
            for shard in self.shards()
            for size in shard.values()
        )

    def shards(self) -> Iterator[dict[str, tuple[int, ...]]]:
        """Yield the names and sizes of the tensors of each file."""
        table = (self.vocabulary, self.hidden)
        yield {"model.embed_tokens.weight": table}
        for layer in range(self.layers):
            yield self._layer(f"model.layers.{layer}")
        yield {"model.norm.weight": (self.hidden,), "lm_head.weight": table}

    def _layer(self, name: str) -> dict[str, tuple[int, ...]]:
        wide, up = self.hidden, self.intermediate
        return {
            f"{name}.input_layernorm.weight": (wide,),
            f"{name}.self_attn.q_proj.weight": (wide, wide),
            f"{name}.self_attn.k_proj.weight": (wide // 4, wide),
            f"{name}.self_attn.v_proj.weight": (wide // 4, wide),
            f"{name}.self_attn.o_proj.weight": (wide, wide),
            f"{name}.post_attention_layernorm.weight": (wide,),
            f"{name}.mlp.gate_proj.weight": (up, wide),
            f"{name}.mlp.up_proj.weight": (up, wide),
            f"{name}.mlp.down_proj.weight": (wide, up),
        }


def make_models(folder: Path, shape: Shape) -> None:
    """Write the three models, a shard at a time."""
    for name in FOLDERS:
        (folder / name).mkdir()
        _save_config(folder / name, shape)
        _save_tokenizer(folder / name, shape)
    where: dict[str, str] = {}
    for number, shard in enumerate(shape.shards()):
        file = f"model-{number:05}.safetensors"
        _save_shard(folder, file, shard)
        where |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_size": 2 * shape.parameters}, "weight_map": where}
    for name in FOLDERS:
        path = folder / name / "model.safetensors.index.json"
        path.write_text(json.dumps(index), encoding="utf-8")


def _save_shard(folder: Path, file: str, shard: dict[str, tuple[int, ...]]) -> None:
    from safetensors.torch import save_file

    versions: list[dict[str, torch.Tensor]] = [{} for _ in FOLDERS]
    for name, size in shard.items():
        tensors = family(torch.Size(size).numel(), 2, torch.bfloat16, key=name)
        for version, tensor in zip(versions, tensors, strict=True):
            version[name] = tensor.reshape(size)
    for model, version in zip(FOLDERS, versions, strict=True):
        save_file(version, folder / model / file, metadata={"format": "pt"})


def _save_config(folder: Path, shape: Shape) -> None:
    from transformers import LlamaConfig

    LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // 64,
        num_key_value_heads=shape.hidden // 256,
        tie_word_embeddings=False,
        dtype="bfloat16",
    ).save_pretrained(folder)


def _save_tokenizer(folder: Path, shape: Shape) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(shape.vocabulary)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    tokenizer.save_pretrained(folder)
