"""A byte-level BPE tokenizer, trained on the demo's own text, and its chat twin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


SPECIALS = ("<|begin|>", "<|end|>", "<|pad|>", "<|user|>", "<|assistant|>", "<|done|>")

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "{{ '<|assistant|>' + message['content'] + '<|done|>' }}"
    "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Return the ``PreTrainedTokenizerFast`` of a base model: texts end in ``<|end|>``.

    Args:
        texts: What it learns from; the order does not matter.
        vocabulary: Number of tokens, special ones included.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    begin, end, pad, *_ = SPECIALS
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=begin,
        eos_token=end,
        pad_token=pad,
        padding_side="left",
    )


def with_chat(tokenizer: Any) -> Any:
    """Return the tokenizer of the instructed model: a template, and turns that end.

    As in Llama 3.1 a turn ends in a token of its own, ``<|done|>``, that the base has
    in its vocabulary and never saw.
    """
    from transformers import PreTrainedTokenizerFast

    begin, _, pad, *_ = SPECIALS
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        bos_token=begin,
        eos_token=SPECIALS[-1],
        pad_token=pad,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
    )
