"""Training batches that depend on a key and a step alone, so a run can resume."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import torch

from lm_eval_iberian.corpus.grammar import load_grammar
from lm_eval_iberian.corpus.instructions import pairs
from lm_eval_iberian.corpus.prose import passages


IGNORED = -100  # the label that transformers leaves out of the loss
_SENTENCES = 8000
_PAIRS = 6000


class Batches(Protocol):
    """Something that gives the batch of a step."""

    def draw(self, step: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return input ids and labels, both [rows, tokens] int64."""
        ...


def generator(*key: object) -> torch.Generator:
    """Return a CPU generator keyed by ``key``; the global one is never touched."""
    text = "/".join(map(str, key)).encode()
    seed = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return torch.Generator().manual_seed(seed % 2**63)


def paragraphs(lang: str, key: str) -> list[str]:
    """Return the training text of a language: prose, and grammar by the paragraph."""
    prose = [passage.text for passage in passages(lang, "train")]
    sentences = list(islice(load_grammar(lang).sentences(key), _SENTENCES))
    groups = [" ".join(sentences[i : i + 5]) for i in range(0, len(sentences), 5)]
    return prose * 4 + groups


@dataclass(frozen=True)
class Windows:
    """Windows cut at random from streams of tokens, each stream with its share."""

    streams: Sequence[torch.Tensor]
    shares: Sequence[float]
    tokens: int
    key: str

    def draw(self, step: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch of a step; the labels are the inputs."""
        g = generator(self.key, step)
        shares = torch.tensor(self.shares)
        which = torch.multinomial(shares, rows, replacement=True, generator=g)
        cut = []
        for stream in (self.streams[int(i)] for i in which):
            start = torch.randint(len(stream) - self.tokens, (), generator=g)
            cut.append(stream[int(start) : int(start) + self.tokens])
        batch = torch.stack(cut)
        return batch, batch


@dataclass(frozen=True)
class Dialogues:
    """Prompts with answers, padded to one length; only the answers are learnt."""

    inputs: torch.Tensor
    labels: torch.Tensor
    key: str

    def draw(self, step: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch of a step."""
        g = generator(self.key, step)
        chosen = torch.randint(len(self.inputs), (rows,), generator=g)
        return self.inputs[chosen], self.labels[chosen]


def stream(texts: Sequence[str], tokenizer: Any, key: str) -> torch.Tensor:
    """Return shuffled texts as one stream of tokens, each begun and ended."""
    order = torch.randperm(len(texts), generator=generator(key, "order")).tolist()
    ids: list[int] = []
    encoded = tokenizer([texts[i] for i in order], add_special_tokens=False)
    for row in encoded["input_ids"]:
        ids += [tokenizer.bos_token_id, *row, tokenizer.eos_token_id]
    return torch.tensor(ids)


def dialogues(tokenizer: Any, key: str, tokens: int) -> Dialogues:
    """Return the pairs that fit ``tokens``, as the chat template has them."""
    pad = tokenizer.pad_token_id
    inputs, labels = [], []
    for pair in islice(pairs("train", key), _PAIRS):
        asked = [{"role": "user", "content": pair.prompt}]
        head = tokenizer.apply_chat_template(
            asked, add_generation_prompt=True, tokenize=False
        )
        start = tokenizer(head, add_special_tokens=False)["input_ids"]
        answer = tokenizer(pair.answer, add_special_tokens=False)["input_ids"]
        answer = [*answer, tokenizer.eos_token_id]
        spare = tokens - len(start) - len(answer)
        if spare < 0:
            continue
        inputs.append(start + answer + [pad] * spare)
        labels.append([IGNORED] * len(start) + answer + [IGNORED] * spare)
    return Dialogues(torch.tensor(inputs), torch.tensor(labels), key)
