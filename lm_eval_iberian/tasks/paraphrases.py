"""Parafrases: two sentences made fit for "…, verdadeiro? Si, …".

What lm-eval's ``parafrases_gl`` does; that one imports a module of transformers 4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from datasets import Dataset

FIRST, SECOND = "Frase", "Paráfrase"


def process_docs(dataset: Dataset) -> Dataset:
    """Return the rows with two sentences, the first without its final mark.

    The second begins with a small letter, to stand in the middle of a sentence.
    """
    from datasets import Dataset

    rows = [_prepared(row) for row in dataset if row[FIRST] and row[SECOND]]
    return Dataset.from_list(rows)


def _prepared(row: dict[str, Any]) -> dict[str, Any]:
    first, second = (detokenize(row[name]).strip() for name in (FIRST, SECOND))
    if first.endswith((".", ",", ";")):
        first = first[:-1]
    return row | {FIRST: first, SECOND: second[:1].lower() + second[1:]}


def detokenize(text: str) -> str:
    """Take away the blanks that a tokenizer left around marks, as lm-eval does."""
    for apart, together in ((" n't", "n't"), (" )", ")"), ("( ", "(")):
        text = text.replace(apart, together)
    text = text.replace('" ', '"').replace(' "', '"')
    return re.sub(r" (['.,])", r"\1", text)
