"""Metrics as functions of what was counted, summed over items, many sums at once.

A resampled corpus is a sum of the counts of its items: nothing is tokenised again, and
thousands of corpora are scored in a few array operations. The counts of BLEU, chrF and
TER are sacrebleu's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, get_args

import numpy as np

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.stats.item_counts import Floats, MetricOfSums


CorpusMetric = Literal["bleu", "chrf++", "chrf", "ter"]
_ORDERS = 4  # of n-grams in BLEU
_BETA = 2  # of chrF


def ratio(scale: float = 1.0) -> MetricOfSums:
    """Return ``scale * first / second``: a mean, a share, an accuracy.

    It is not a number where the second sum is 0.
    """

    def value(sums: Floats) -> Floats:
        return scale * _divided(sums[..., 0], sums[..., 1])

    return value


def perplexity() -> MetricOfSums:
    """Return ``exp(-loglikelihood / units)``, infinite beyond floats."""

    def value(sums: Floats) -> Floats:
        with np.errstate(over="ignore"):
            exponentials: Floats = np.exp(-_divided(sums[..., 0], sums[..., 1]))
        return exponentials

    return value


def matthews(scale: float = 1.0) -> MetricOfSums:
    """Return the Matthews correlation of two labels, 0 where it is not defined.

    An item counts 1 in one of four columns, 2 * gold + predicted: (0, 0), (0, 1),
    (1, 0), (1, 1).
    """

    def value(sums: Floats) -> Floats:
        tn, fp, fn, tp = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        root = np.sqrt(np.where(product > 0, product, 1.0))
        return np.where(product > 0, scale * (tp * tn - fp * fn) / root, 0.0)

    return value


def corpus_counts(
    metric: CorpusMetric, pairs: Sequence[tuple[str, str]]
) -> tuple[Floats, MetricOfSums]:
    """Return what sacrebleu counts in every segment, and the score of such sums.

    The settings are sacrebleu's defaults, and lm-eval's. The score of all segments'
    sum is sacrebleu's of the corpus, 0 to 100; TER may be more.

    Args:
        metric: ``bleu`` (13a), ``chrf`` (of characters), ``chrf++`` (word order 2) or
            ``ter``.
        pairs: A reference and a translation each.

    Raises:
        UnknownNameError: There is no such metric.
    """
    sacrebleu, value = _corpus_metric(metric)
    references = [reference for reference, _ in pairs]
    translations = [translation for _, translation in pairs]
    counts = sacrebleu._extract_corpus_statistics(translations, [references])
    return np.array(counts, np.float64), value


def sentence_chrf(reference: str, translation: str) -> float:
    """Return the chrF++ of one sentence, 0 to 100: BLEU says nothing of one."""
    sacrebleu, _ = _corpus_metric("chrf++")
    return float(sacrebleu.sentence_score(translation, [reference]).score)


@cache
def _corpus_metric(metric: str) -> tuple[Any, MetricOfSums]:
    # sacrebleu takes a moment to load
    if metric == "bleu":
        from sacrebleu.metrics.bleu import BLEU

        # force: says nothing of texts that look tokenised
        return BLEU(force=True), _bleu
    if metric in ("chrf", "chrf++"):
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(word_order=2 if metric == "chrf++" else 0), _chrf
    if metric == "ter":
        from sacrebleu.metrics.ter import TER

        return TER(), _ter
    raise UnknownNameError("corpus metric", metric, get_args(CorpusMetric))


def _bleu(sums: Floats) -> Floats:
    """Score lengths of translation and reference, matches and n-grams by order."""
    ours, theirs = sums[..., 0], sums[..., 1]
    matches, grams = sums[..., 2 : 2 + _ORDERS], sums[..., 2 + _ORDERS :]
    # an order without a match counts as half a match, the next such one as a quarter
    halvings = np.cumsum(matches == 0, axis=-1)
    counted = np.where(matches > 0, matches, 0.5**halvings)
    there = (grams > 0).all(axis=-1) & (matches > 0).any(axis=-1) & (ours > 0)
    precisions = 100.0 * counted / np.where(grams > 0, grams, 1.0)
    brevity = np.minimum(0.0, 1.0 - theirs / np.where(ours > 0, ours, 1.0))
    scores = np.exp(brevity + np.log(precisions).mean(axis=-1))
    return np.where(there, scores, 0.0)


def _chrf(sums: Floats) -> Floats:
    """Score n-grams of the translation, of the reference, and in both, by order."""
    triples = sums.reshape(*sums.shape[:-1], -1, 3)
    ours, theirs, both = np.moveaxis(triples, -1, 0)
    there = (ours > 0) & (theirs > 0)
    orders = np.maximum(there.sum(axis=-1), 1)
    precision = np.where(there, both / np.where(there, ours, 1.0), 0.0).sum(-1) / orders
    recall = np.where(there, both / np.where(there, theirs, 1.0), 0.0).sum(-1) / orders
    below = _BETA**2 * precision + recall
    above = (1 + _BETA**2) * precision * recall
    return np.where(below > 0, 100.0 * above / np.where(below > 0, below, 1.0), 0.0)


def _ter(sums: Floats) -> Floats:
    """Score edits and words of the reference."""
    edits, words = sums[..., 0], sums[..., 1]
    # translations of nothing: all is wrong, if there are any
    shares = np.where(words > 0, edits / np.where(words > 0, words, 1.0), edits > 0)
    return 100.0 * shares


def _divided(one: Floats, other: Floats) -> Floats:
    return np.where(other != 0, one / np.where(other != 0, other, 1.0), np.nan)
