"""In-language perplexity on the held-out passages the project ships."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lm_eval_iberian.corpus.prose import passages


if TYPE_CHECKING:
    from datasets import DatasetDict


def load(lang: str, **_: Any) -> DatasetDict:
    """Return the held-out passages of a language as split ``test``."""
    from datasets import Dataset, DatasetDict

    rows = [{"id": p.id, "text": p.text} for p in passages(lang, "heldout")]
    return DatasetDict({"test": Dataset.from_list(rows)})


def process_results(
    doc: dict[str, Any], results: tuple[float]
) -> dict[str, tuple[float, int]]:
    """Weight a passage's log-likelihood by its words and its UTF-8 bytes."""
    (loglikelihood,) = results
    words = len(re.findall(r"\S+", doc["text"]))
    size = len(doc["text"].encode())
    return {
        "word_perplexity": (loglikelihood, words),
        "byte_perplexity": (loglikelihood, size),
        "bits_per_byte": (loglikelihood, size),
    }
