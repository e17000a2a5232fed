"""BLEU, chrF++ and TER of a corpus, with standard errors that do not take hours.

The scores are sacrebleu's with its defaults, as lm-eval's. lm-eval scores a hundred
resampled corpora from their texts; here each sentence is read once, and its counts are
resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lm_eval_iberian.tasks.value_forms import is_pair, require_form


Pairs = Sequence[tuple[str, str]]
RESAMPLES = 1_000
_KEY = 1234


def bleu(items: Pairs) -> float:
    """Return the BLEU (13a) of (reference, translation) pairs, 0 to 100."""
    from sacrebleu.metrics.bleu import BLEU

    return _score(BLEU(), items)


def chrf_plus_plus(items: Pairs) -> float:
    """Return the chrF++ (word order 2) of (reference, translation) pairs, 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return _score(CHRF(word_order=2), items)


def ter(items: Pairs) -> float:
    """Return the translation edit rate in per cent; lower is better."""
    from sacrebleu.metrics.ter import TER

    return _score(TER(), items)


def bleu_stderr(items: Pairs) -> float:
    """Return the standard error of :func:`bleu`: sentences drawn with replacement."""
    from sacrebleu.metrics.bleu import BLEU

    return _stderr(BLEU(), items)


def chrf_plus_plus_stderr(items: Pairs) -> float:
    """Return the standard error of :func:`chrf_plus_plus`."""
    from sacrebleu.metrics.chrf import CHRF

    return _stderr(CHRF(word_order=2), items)


def ter_stderr(items: Pairs) -> float:
    """Return the standard error of :func:`ter`."""
    from sacrebleu.metrics.ter import TER

    return _stderr(TER(), items)


def _score(metric: Any, items: Pairs) -> float:
    name = type(metric).__name__
    require_form(items, _is_translated, name, "a reference and a translation")
    references, translations = zip(*items, strict=True)
    return float(metric.corpus_score(translations, [references]).score)


def _is_translated(item: Any) -> bool:
    return is_pair(item) and all(isinstance(text, str) for text in item)


def _stderr(metric: Any, items: Pairs) -> float:
    """Resample what sacrebleu counts in each sentence, by two methods of its own."""
    references, translations = zip(*items, strict=True)
    counts = np.array(metric._extract_corpus_statistics(translations, [references]))
    draws = np.random.default_rng(_KEY).integers(
        len(items), size=(RESAMPLES, len(items))
    )
    scores = [
        metric._compute_score_from_stats(counts[draw].sum(0).tolist()).score
        for draw in draws
    ]
    return float(np.std(scores, ddof=1))
