"""The scores of many sums at once are those of the libraries, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.stats import corpus_counts, matthews, perplexity, ratio
from lm_eval_iberian.stats.metrics_of_sums import CorpusMetric


METRICS: tuple[CorpusMetric, ...] = ("bleu", "chrf", "chrf++", "ter")
# few words, so that n-grams match; nothing, a word, a mark, and long sentences
WORDS = st.sampled_from(["choveu", "moito", "hoxe,", "en", "Vigo", "e", "(non)", "."])
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)


def sacrebleu_s(metric: str) -> Any:
    from sacrebleu.metrics import BLEU, CHRF, TER

    return {
        "bleu": BLEU(),
        "chrf": CHRF(),
        "chrf++": CHRF(word_order=2),
        "ter": TER(),
    }[metric]


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=150)
@given(pairs=PAIRS)
def test_a_corpus_has_sacrebleu_s_score(
    metric: CorpusMetric, pairs: list[tuple[str, str]]
) -> None:
    references, translations = zip(*pairs, strict=True)
    expected = sacrebleu_s(metric).corpus_score(translations, [references]).score
    counts, score = corpus_counts(metric, pairs)
    assert len(counts) == len(pairs)
    assert float(score(counts.sum(axis=0))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_many_sums_have_the_scores_that_each_has(metric: CorpusMetric) -> None:
    rng = np.random.default_rng(7)
    words = ["choveu", "moito", "hoxe,", "en", "Vigo", "e", "(non)", "."]
    texts = [" ".join(rng.choice(words, size=n)) for n in rng.integers(0, 15, size=80)]
    counts, score = corpus_counts(
        metric, list(zip(texts[:40], texts[40:], strict=True))
    )
    # of one segment, of a few: where an order of n-grams has no match, or is not there
    draws = [rng.integers(len(counts), size=n) for n in rng.integers(0, 6, size=300)]
    sums = np.array([counts[draw].sum(axis=0) for draw in draws])
    theirs = sacrebleu_s(metric)
    expected = [theirs._compute_score_from_stats(one.tolist()).score for one in sums]
    assert np.abs(score(sums) - expected).max() < 1e-9
    cube = sums.reshape(3, 20, 5, -1)
    assert np.array_equal(score(cube).ravel(), score(sums))


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"'blue'.*Did you mean bleu"):
        corpus_counts("blue", [("a", "a")])  # type: ignore[arg-type]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_matthews_is_scikit_learn_s(pairs: list[tuple[bool, bool]]) -> None:
    from sklearn.metrics import matthews_corrcoef

    counts = np.eye(4)[[2 * gold + said for gold, said in pairs]]
    found = float(matthews(100.0)(counts.sum(axis=0)))
    expected = 100 * matthews_corrcoef(*zip(*pairs, strict=True))
    assert found == pytest.approx(expected, abs=1e-9)


def test_ratios_and_perplexities() -> None:
    sums = np.array([[3.0, 4.0], [-8.0, 4.0], [0.0, 0.0], [-1e6, 1.0]])
    assert ratio(100.0)(sums)[:2].tolist() == [75.0, -200.0]
    assert perplexity()(sums)[1] == pytest.approx(np.exp(2))
    assert np.isnan(ratio()(sums)[2])
    assert np.isnan(perplexity()(sums)[2])
    assert perplexity()(sums)[3] == np.inf
