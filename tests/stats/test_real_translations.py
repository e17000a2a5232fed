"""Two real translators on real text: their scores and how they differ, by sacrebleu."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from lm_eval_iberian.stats import (
    ItemCounts,
    average_difference,
    corpus_counts,
    estimate_of,
    paired_difference,
)
from lm_eval_iberian.stats.cluster_bootstrap import resampled_sums
from lm_eval_iberian.stats.metrics_of_sums import CorpusMetric


Pairs = list[tuple[str, str]]
NAMES: dict[str, tuple[str, Any]] = {
    "bleu": ("BLEU", BLEU()),
    "chrf++": ("chrF2++", CHRF(word_order=2)),
}


def segments(reference: Path, model: str, direction: str) -> tuple[Pairs, Any]:
    path = reference / "mt_flores" / model / f"results_{direction}_flores_dev.json.gz"
    with gzip.open(path) as file:
        (found,) = json.load(file)["results"].values()
    pairs = zip(found["targets,none"], found["translations,none"], strict=True)
    return list(pairs), found


def items_of(pairs: Pairs, metric: CorpusMetric) -> ItemCounts:
    counts, score = corpus_counts(metric, pairs)
    return ItemCounts(counts, np.arange(len(pairs)), score)


@pytest.fixture(scope="module")
def nllb(reference: Path) -> Pairs:
    return segments(reference, "nllb_3.3B", "gl_en")[0]


@pytest.fixture(scope="module")
def madlad(reference: Path) -> Pairs:
    return segments(reference, "madlad400_3B", "gl_en")[0]


@pytest.mark.parametrize("metric", ["bleu", "chrf", "ter"])
@pytest.mark.parametrize("model", ["nllb_3.3B", "madlad400_3B"])
def test_scores_are_those_that_were_stored(
    model: str, metric: CorpusMetric, reference: Path
) -> None:
    pairs, stored = segments(reference, model, "gl_en")
    counts, score = corpus_counts(metric, pairs)
    found = float(score(counts.sum(axis=0)))
    assert found == pytest.approx(stored[f"{metric},none"], abs=1e-9)
    if (model, metric) == ("nllb_3.3B", "bleu"):
        assert round(found, 2) == 43.69


def sacrebleu_s(
    kind: str, metric: CorpusMetric, madlad: Pairs, nllb: Pairs
) -> tuple[Any, Any]:
    """Return what sacrebleu says of the baseline, and of the other beside it."""
    name, scorer = NAMES[metric]
    systems = [
        (label, [said for _, said in pairs])
        for label, pairs in (("madlad", madlad), ("nllb", nllb))
    ]
    references = [[wanted for wanted, _ in nllb]]
    test = PairedTest(systems, {name: scorer}, references, kind, n_samples=2_000)
    base, other = test()[1][name]
    return base, other


@pytest.mark.parametrize("metric", ["bleu", "chrf++"])
def test_the_difference_is_that_of_sacrebleu_s_paired_bootstrap(
    metric: CorpusMetric, nllb: Pairs, madlad: Pairs
) -> None:
    base, other = sacrebleu_s("bs", metric, madlad, nllb)
    a, b = items_of(madlad, metric), items_of(nllb, metric)
    found = paired_difference([a], [b])
    assert found.difference == pytest.approx(other.score - base.score, abs=1e-9)
    assert (found.a_value, found.b_value) == pytest.approx((base.score, other.score))
    alone = estimate_of([b])
    assert alone.low is not None
    assert alone.high is not None
    assert (alone.high - alone.low) / 2 == pytest.approx(other.ci, rel=0.05)
    # sacrebleu's p is how many draws are further above their mean, sign aside, than the
    # difference is from 0: of one tail; of the same draws as our interval's it is
    sums = resampled_sums(np.concatenate([a.counts, b.counts], axis=1), key=5)
    columns = a.counts.shape[1]
    apart = np.abs(b.metric(sums[:, columns:]) - a.metric(sums[:, :columns]))
    beyond = (apart - apart.mean() > abs(found.difference)).mean()
    error = np.sqrt(beyond * (1 - beyond) * (1 / 2_000 + 1 / 10_000))
    assert other.p_value == pytest.approx(beyond, abs=4 * error + 0.001)


@pytest.mark.parametrize("metric", ["bleu", "chrf++"])
def test_p_is_that_of_sacrebleu_s_randomisation(
    metric: CorpusMetric, nllb: Pairs, madlad: Pairs
) -> None:
    """It exchanges the two translations of segments, and its p has two tails."""
    _, other = sacrebleu_s("ar", metric, madlad, nllb)
    found = paired_difference([items_of(madlad, metric)], [items_of(nllb, metric)])
    assert found.p is not None
    error = np.sqrt(found.p * (1 - found.p) / 2_000)
    assert found.p == pytest.approx(other.p_value, abs=4 * error + 0.01)


def test_directions_of_the_same_segments_are_drawn_together(reference: Path) -> None:
    pairs = []
    for direction in ("gl_en", "en_gl", "ca_en"):
        found = [
            segments(reference, model, direction)[0]
            for model in ("madlad400_3B", "nllb_3.3B")
        ]
        pairs.append(tuple([items_of(one, "bleu")] for one in found))
    apart = average_difference(pairs)  # type: ignore[arg-type]
    together = average_difference(pairs, together=["flores"] * 3)  # type: ignore[arg-type]
    assert (together.n, together.clusters, apart.clusters) == (2991, 997, 2991)
    assert together.difference == pytest.approx(apart.difference)
    assert together.stderr is not None
    assert apart.stderr is not None
    # who translates a segment worse does so from and into several languages
    assert together.stderr > 1.05 * apart.stderr
    assert together.p is not None
    assert together.p < 0.05


def test_intervals_hold_the_score_of_all_segments(nllb: Pairs, madlad: Pairs) -> None:
    """Samples of 100 of the segments, as if these 997 were all there are."""
    whole_a, whole_b = items_of(madlad, "bleu"), items_of(nllb, "bleu")
    truth = paired_difference([whole_a], [whole_b])
    rng = np.random.default_rng(1)
    held = alone = 0
    for _ in range(400):
        draw = rng.integers(len(nllb), size=100)
        a, b = (
            ItemCounts(one.counts[draw], np.arange(100), one.metric)
            for one in (whole_a, whole_b)
        )
        found = paired_difference([a], [b], resamples=1_000)
        value = estimate_of([b], resamples=1_000)
        assert found.low is not None
        assert found.high is not None
        assert value.low is not None
        assert value.high is not None
        held += found.low <= truth.difference <= found.high
        alone += value.low <= truth.b_value <= value.high
    assert 0.925 <= held / 400 <= 0.975
    assert 0.925 <= alone / 400 <= 0.975
