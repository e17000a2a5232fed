"""BLEU, chrF++ and TER of a corpus, with standard errors that do not take hours.

The scores are sacrebleu's with its defaults, as lm-eval's. lm-eval scores a hundred
resampled corpora from their texts; here each sentence is read once, and its counts are
resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lm_eval_iberian.stats import CorpusMetric, corpus_counts, resampled_sums
from lm_eval_iberian.tasks.value_forms import is_pair, require_form


Pairs = Sequence[tuple[str, str]]
RESAMPLES = 1_000


def bleu(items: Pairs) -> float:
    """Return the BLEU (13a) of (reference, translation) pairs, 0 to 100."""
    return _score("bleu", items)


def chrf_plus_plus(items: Pairs) -> float:
    """Return the chrF++ (word order 2) of (reference, translation) pairs, 0 to 100."""
    return _score("chrf++", items)


def ter(items: Pairs) -> float:
    """Return the translation edit rate in per cent; lower is better."""
    return _score("ter", items)


def bleu_stderr(items: Pairs) -> float:
    """Return the standard error of :func:`bleu`: sentences drawn with replacement."""
    return _stderr("bleu", items)


def chrf_plus_plus_stderr(items: Pairs) -> float:
    """Return the standard error of :func:`chrf_plus_plus`."""
    return _stderr("chrf++", items)


def ter_stderr(items: Pairs) -> float:
    """Return the standard error of :func:`ter`."""
    return _stderr("ter", items)


def _score(metric: CorpusMetric, items: Pairs) -> float:
    require_form(items, _is_translated, metric, "a reference and a translation")
    counts, score = corpus_counts(metric, items)
    return float(score(counts.sum(axis=0)))


def _is_translated(item: Any) -> bool:
    return is_pair(item) and all(isinstance(text, str) for text in item)


def _stderr(metric: CorpusMetric, items: Pairs) -> float:
    counts, score = corpus_counts(metric, items)
    return float(np.std(score(resampled_sums(counts, RESAMPLES)), ddof=1))
