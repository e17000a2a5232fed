"""In-language perplexity on the held-out passages the project ships."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_iberian.corpus.prose import passages
from lm_eval_iberian.tasks.value_forms import is_number, is_pair, require_form


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


def weighted_perplexity(items: Sequence[tuple[float, int]]) -> float:
    """Return the perplexity of (log-likelihood, weight) pairs, infinite beyond floats.

    Raises:
        DataError: They are no such pairs.
    """
    try:
        return math.exp(_mean_loss(items, "A perplexity"))
    except OverflowError:
        return math.inf


def bits_per_byte(items: Sequence[tuple[float, int]]) -> float:
    """Return the mean bits of (log-likelihood, bytes) pairs.

    Raises:
        DataError: They are no such pairs.
    """
    return _mean_loss(items, "bits_per_byte") / math.log(2)


def _mean_loss(items: Sequence[tuple[float, int]], metric: str) -> float:
    require_form(items, _is_weighted, metric, "a log-likelihood and its weight")
    losses, weights = zip(*items, strict=True)
    return -float(sum(losses) / sum(weights))


def _is_weighted(item: Any) -> bool:
    return is_pair(item) and all(map(is_number, item)) and item[1] > 0
