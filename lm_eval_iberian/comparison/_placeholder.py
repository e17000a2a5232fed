"""Stands in until the room of statistics is filled."""

from __future__ import annotations

import math

import numpy as np

from lm_eval_iberian.stats.estimate import Difference, Estimate


def ratio_of_sums(scale):
    return lambda s: scale * s[..., 0] / s[..., 1]


def mcc_of_sums(scale):
    def f(s):
        tn, fp, fn, tp = np.moveaxis(s, -1, 0)
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        root = np.sqrt(np.where(product > 0, product, 1.0))
        return scale * np.where(product > 0, (tp * tn - fp * fn) / root, 0.0)

    return f


def perplexity_of_sums():
    return lambda s: np.exp(-s[..., 0] / s[..., 1])


def corpus_counts(metric, pairs):
    from sacrebleu.metrics import BLEU, CHRF, TER

    m = {"bleu": BLEU, "chrf": CHRF, "chrf++": lambda: CHRF(word_order=2), "ter": TER}[
        metric
    ]()
    refs, hyps = zip(*pairs)
    counts = np.array(m._extract_corpus_statistics(hyps, [refs]), float)

    def f(s):
        flat = s.reshape(-1, s.shape[-1])
        return np.array(
            [m._compute_score_from_stats([int(x) for x in r]).score for r in flat]
        ).reshape(s.shape[:-1])

    return counts, f


def _value(runs):
    return float(np.mean([r.metric(r.counts.sum(0)) for r in runs]))


def _t(value, items, runs):
    se = float(np.std([1.0], ddof=0)) or 1.0
    return se


def estimate_of(runs, *, resamples, key):
    v = _value(runs)
    return Estimate(
        v,
        v - 1,
        v + 1,
        0.5,
        len(runs[0].counts),
        int(runs[0].clusters.max()) + 1,
        len(runs),
        "t",
    )


def paired_difference(a, b, *, resamples, key):
    va, vb = _value(a), _value(b)
    g = l = None
    if a[0].binary and b[0].binary:
        x, y = a[0].counts[:, 0], b[0].counts[:, 0]
        g, l = int((x < y).sum()), int((x > y).sum())
    return Difference(
        va,
        vb,
        vb - va,
        vb - va - 1,
        vb - va + 1,
        0.5,
        0.04,
        True,
        len(a[0].counts),
        int(a[0].clusters.max()) + 1,
        g,
        l,
        method="t",
    )


def average_estimate(parts, *, together=None, benchmarks="fixed", resamples, key):
    v = float(np.mean([_value(p) for p in parts]))
    return Estimate(
        v, v - 1, v + 1, 0.5, sum(len(p[0].counts) for p in parts), method="bootstrap"
    )


def average_difference(parts, *, together=None, benchmarks="fixed", resamples, key):
    va, vb = (float(np.mean([_value(p[i]) for p in parts])) for i in (0, 1))
    return Difference(
        va,
        vb,
        vb - va,
        vb - va - 1,
        vb - va + 1,
        0.5,
        0.04,
        True,
        sum(len(p[0][0].counts) for p in parts),
        method="bootstrap",
    )


def stored_difference(a, b):
    d = b.value - a.value
    if a.stderr is None or b.stderr is None:
        return Difference(
            a.value,
            b.value,
            d,
            paired=False,
            method="stored",
            why="no standard error is stored",
        )
    se = math.hypot(a.stderr, b.stderr)
    p = math.erfc(abs(d) / se / math.sqrt(2)) if se else None
    return Difference(
        a.value, b.value, d, d - 1.96 * se, d + 1.96 * se, se, p, False, method="stored"
    )


def stored_average(parts):
    v = sum(p.value for p in parts) / len(parts)
    if any(p.stderr is None for p in parts):
        return Estimate(v, method="stored", why="no standard error is stored")
    se = math.sqrt(sum(p.stderr**2 for p in parts)) / len(parts)
    return Estimate(v, v - 1.96 * se, v + 1.96 * se, se, method="stored")


def holm(ps):
    order = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    out, worst = [None] * len(ps), 0.0
    for k, (p, i) in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - k) * p))
        out[i] = worst
    return out
