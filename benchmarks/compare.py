"""How fast differences are drawn: scipy's bootstrap and sacrebleu's, beside ours.

The same items and as many resamples, one process; the ways take turns, and the best of
several rounds counts. Where what they say of a difference is not the same, within what
draws differ by, no ratio is printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import stats

from lm_eval_iberian.stats import (
    Difference,
    ItemCounts,
    bootstrap_difference,
    corpus_counts,
    estimate_of,
    ratio,
)


KEY: Final = 1234
# how far what was drawn may be apart: of the standard error, and of itself
END_APART: Final = 0.15
ERROR_APART: Final = 0.08
# resamples that scipy holds at once: all of them would be gigabytes
BATCH: Final = 100


@dataclass(frozen=True)
class Found:
    """What is said of a difference: its value, and its error or its interval."""

    difference: float
    stderr: float
    interval: tuple[float, float] | None = None


Way = Callable[[], Found]


@dataclass(frozen=True)
class Case:
    """A difference, and who finds it."""

    name: str
    ours: Way
    other: str
    theirs: Way


def accuracy(items: int, size: int, resamples: int) -> Case:
    """Return two models' answers, right or wrong, in clusters."""
    rng = np.random.default_rng((KEY, items, size))
    clusters = items // size
    hard = rng.random((clusters, 1))
    a, b = (rng.random((clusters, size)) < hard + up for up in (0.0, 0.01))
    pair = [[in_clusters(one)] for one in (a, b)]

    def difference(one: Any, other: Any, axis: int) -> Any:
        return 100 * (other.mean(axis=axis) - one.mean(axis=axis)) / size

    def scipy_s() -> Found:
        found = stats.bootstrap(
            (a.sum(axis=1), b.sum(axis=1)),
            difference,
            paired=True,
            method="percentile",
            n_resamples=resamples,
            batch=BATCH,
            rng=KEY,
        )
        value = difference(a.sum(axis=1), b.sum(axis=1), 0)
        return Found(value, found.standard_error, tuple(found.confidence_interval))

    return Case(
        f"accuracy, {items} items, {clusters} clusters",
        lambda: said(bootstrap_difference(*pair, resamples=resamples, key=KEY)),
        "scipy.stats.bootstrap",
        scipy_s,
    )


def in_clusters(answers: Any) -> ItemCounts:
    labels = np.repeat(np.arange(answers.shape[0]), answers.shape[1])
    counts = np.stack([answers.ravel() * 1.0, np.ones(answers.size)], axis=1)
    return ItemCounts(counts, labels, ratio(100.0), ratio=True, binary=True)


def said(found: Difference) -> Found:
    if found.stderr is None or found.low is None or found.high is None:
        raise SystemExit(found.why)
    return Found(found.difference, found.stderr, (found.low, found.high))


def bleu(segments: int, resamples: int) -> Case:
    """Return two translations that leave words out and exchange others."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest

    rng = np.random.default_rng((KEY, segments))
    references = [made_sentence(rng) for _ in range(segments)]
    systems = [[damaged(rng, one, how) for one in references] for how in (0.3, 0.28)]
    a, b = (
        [ItemCounts(counts, np.arange(segments), score)]
        for counts, score in (
            corpus_counts("bleu", list(zip(references, texts, strict=True)))
            for texts in systems
        )
    )

    def ours() -> Found:
        found = said(bootstrap_difference(a, b, resamples=resamples, key=KEY))
        # sacrebleu has an interval of each, not of the difference
        alone = estimate_of(b, resamples=resamples, key=KEY)
        if alone.low is None or alone.high is None:
            raise SystemExit(alone.why)
        return Found(found.difference, (alone.high - alone.low) / 2)

    def sacrebleu_s() -> Found:
        named = [("a", systems[0]), ("b", systems[1])]
        test = PairedTest(named, {"BLEU": BLEU()}, [references], "bs", resamples)
        base, other = test()[1]["BLEU"]
        return Found(other.score - base.score, other.ci)

    return Case(
        f"BLEU, {segments} segments", ours, "sacrebleu's PairedTest", sacrebleu_s
    )


def made_sentence(rng: np.random.Generator) -> str:
    return " ".join(f"w{word}" for word in rng.integers(400, size=rng.integers(8, 30)))


def damaged(rng: np.random.Generator, text: str, share: float) -> str:
    return " ".join(
        word if rng.random() > share else f"x{rng.integers(400)}"
        for word in text.split()
    )


def apart(one: Found, other: Found) -> str:
    """Say in what two disagree; nothing if they do not."""
    if abs(one.difference - other.difference) > 1e-9:
        return f"the difference is {one.difference} and {other.difference}"
    if abs(one.stderr - other.stderr) > ERROR_APART * other.stderr:
        return f"the error is {one.stderr} and {other.stderr}"
    ends = zip(one.interval or (), other.interval or (), strict=True)
    if any(abs(x - y) > END_APART * other.stderr for x, y in ends):
        return f"the interval is {one.interval} and {other.interval}"
    return ""


def timed(way: Way, rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        start = time.perf_counter()
        way()
        yield time.perf_counter() - start


def report(case: Case, rounds: int) -> bool:
    """Compare and time a case; return whether both say the same."""
    disagree = apart(case.ours(), case.theirs())
    if disagree:
        print(f"{case.name}: no ratio: {disagree}")
        return False
    ours, theirs = (min(timed(way, rounds)) for way in (case.ours, case.theirs))
    print(
        f"{case.name}: ours {ours:.3f} s, {case.other} {theirs:.2f} s,"
        f" {theirs / ours:.0f} x"
    )
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=16_000)
    parser.add_argument("--segments", type=int, default=1_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cases = [
        *(accuracy(options.items, size, options.resamples) for size in (1, 2, 10)),
        bleu(options.segments, options.resamples),
    ]
    print(f"{options.resamples} resamples, best of {options.rounds} rounds")
    if not all([report(case, options.rounds) for case in cases]):
        sys.exit(1)


if __name__ == "__main__":
    main()
