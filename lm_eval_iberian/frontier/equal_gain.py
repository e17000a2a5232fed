"""Methods held against each other where they gain the same of a language.

In every draw of items the gains, and what curves have there, are told anew, of the same
items for all models: an interval holds what reading between the points adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from lm_eval_iberian.frontier.gain_scores import GainScores, gain_scores
from lm_eval_iberian.frontier.method_curves import (
    FrontierSweeps,
    MethodCurve,
    MethodCurves,
)
from lm_eval_iberian.report.model_report import Note
from lm_eval_iberian.stats import (
    Uncertainty,
    holm,
    mean_differences,
    read_at,
    uncertain_reading,
)


# at how many gains a curve is read to be drawn
_READ = 41


@dataclass(frozen=True)
class EqualGainRow:
    """How two methods differ in instruction following where they gain the same.

    Args:
        lang: The language.
        a: The one that is held against.
        b: The other.
        at: The gain, in per cent of the expert's; ``None`` for the mean over all gains
            that both reach.
        a_value: What ``a`` follows there; ``None`` of a mean, and where it is not told.
        b_value: That of ``b``.
        difference: ``b`` less ``a``, ``None`` where one does not reach the gain.
        found: How certain it is, or why nothing is told.
        over: From where to where a mean goes, on the results as they are; where seeds
            reach further, each over what it reaches.
        p_holm: p, adjusted by Holm for all that are shown.
    """

    lang: str
    a: str
    b: str
    at: float | None
    a_value: float | None
    b_value: float | None
    difference: float | None
    found: Uncertainty
    over: tuple[float, float] | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class GainReading:
    """What a method follows at a gain, with its interval."""

    at: float
    value: float
    found: Uncertainty


@dataclass(frozen=True)
class MethodReading:
    """A method's curve as it is read: for its table, and to be drawn.

    Args:
        lang: The language.
        name: The method.
        parameter: What is swept.
        merges: How many points it has of its own, in every sweep.
        reaches: From which gain to which, in every sweep.
        at: What it follows at each gain asked for, ``None`` where it does not reach it.
        line: The same at many gains, where it is to be drawn.
        points: Of every sweep, or run: gains and scores of its points, in the order of
            the parameter; the first may be the instructed model.
    """

    lang: str
    name: str
    parameter: str
    merges: int
    reaches: tuple[float, float]
    at: tuple[GainReading | None, ...]
    line: tuple[GainReading, ...]
    points: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class FrontierReport:
    """Methods, compared.

    Args:
        read: What was read.
        rows: The differences, in the order of the tables.
        methods: The curves.
        notes: What a reader must know.
        instructs: By language, what the instructed model follows.
        gains: By language, the scores of the language from which to which a gain goes:
            the instructed model's and the expert's.
        seeds: How many sweeps or runs the means are of.
    """

    read: FrontierSweeps
    rows: tuple[EqualGainRow, ...]
    methods: tuple[MethodReading, ...]
    notes: tuple[Note, ...]
    instructs: dict[str, float]
    gains: dict[str, tuple[float, float]]
    seeds: int

    @property
    def tested(self) -> int:
        """How many p there are."""
        return sum(row.found.p is not None for row in self.rows)


def compare_methods(
    read: FrontierSweeps,
    done: Callable[[int, int], None] = lambda number, of: None,
    drawn: bool = False,
) -> FrontierReport:
    """Compare every two methods, or all with the baseline, at equal gains.

    Args:
        read: The curves.
        done: Told after each pair how many there are, and of how many.
        drawn: Whether curves are to be drawn: they are read at many gains then.

    Raises:
        DataError: The expert gains nothing in a language.
    """
    asked = read.asked
    seeds = [gain_scores(one, len(read.sweeps)) for one in read.languages]
    pairs = [list(_pairs(one.curves, asked.baseline)) for one in read.languages]
    total = sum(map(len, pairs))
    rows: list[EqualGainRow] = []
    methods: list[MethodReading] = []
    told = 0
    for language, own, of in zip(read.languages, seeds, pairs, strict=True):
        methods += (
            _reading(one, language, own, asked.at, _READ if drawn else 0)
            for one in language.curves
        )
        for a, b in of:
            rows += (_row(own, language.lang, a, b, at) for at in (*asked.at, None))
            told += 1
            done(told, total)
    adjusted = holm([row.found.p for row in rows])
    rows = [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
    scores = dict(zip((one.lang for one in read.languages), seeds, strict=True))
    return FrontierReport(
        read, tuple(rows), tuple(methods), read.notes,
        {lang: one.instruct for lang, one in scores.items()},
        {lang: one.ends for lang, one in scores.items()},
        max(len(one.across) for one in seeds),
    )  # fmt: skip


def _pairs(
    curves: Sequence[MethodCurve], baseline: str
) -> Iterator[tuple[MethodCurve, MethodCurve]]:
    first = next((one for one in curves if one.name == baseline), None)
    if baseline and first is not None:
        yield from ((first, one) for one in curves if one is not first)
    elif not baseline:
        yield from combinations(curves, 2)


def _row(
    scores: GainScores, lang: str, a: MethodCurve, b: MethodCurve, at: float | None
) -> EqualGainRow:
    names = lang, a.name, b.name
    if at is None:
        over = scores.reach(a, b)
        if over[0] >= over[1]:
            why = f"no gain is reached by both: {scores.said_reach(a, b)}"
            return EqualGainRow(*names, at, None, None, None, Uncertainty(why=why))
        seeds = scores.curves(mean_differences, a, b)
        value, found = uncertain_reading(seeds)
        found = _within(found, -scores.span, scores.span)
        return EqualGainRow(*names, at, None, None, value, found, over)
    far = [one for one in (a, b) if not scores.reaches(one, at)]
    if far:
        why = f"not reached by {' and '.join(one.name for one in far)}:"
        why = f"{why} {scores.said_reach(*far)}"
        return EqualGainRow(*names, at, None, None, None, Uncertainty(why=why))
    seeds = scores.curves(lambda x, y: read_at(y, at) - read_at(x, at), a, b)
    value, found = uncertain_reading(seeds)
    found = _within(found, -scores.span, scores.span)
    mine, theirs = (
        float(np.mean([s.value for s in scores.curves(lambda c: read_at(c, at), one)]))
        for one in (a, b)
    )
    return EqualGainRow(*names, at, mine, theirs, value, found)


def _read(scores: GainScores, curve: MethodCurve, at: float) -> GainReading | None:
    if not scores.reaches(curve, at):
        return None
    value, found = uncertain_reading(scores.curves(lambda one: read_at(one, at), curve))
    return GainReading(at, value, _within(found, *scores.bounds))


def _within(found: Uncertainty, low: float, high: float) -> Uncertainty:
    """Let no interval reach scores that there are not."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(found.low, low), high=min(found.high, high))


def _reading(
    curve: MethodCurve,
    language: MethodCurves,
    seeds: GainScores,
    at: Sequence[float],
    steps: int,
) -> MethodReading:
    low, high = seeds.reach(curve)
    line = [
        found
        for gain in np.linspace(max(low, 0.0), high, steps)
        if high > low and (found := _read(seeds, curve, float(gain))) is not None
    ]
    points = [
        tuple(
            (float(across.values[place]), float(upright.values[place]))
            for place in seeds.places(curve, seed)
        )
        for seed, (across, upright) in enumerate(
            zip(seeds.across, seeds.upright, strict=True)
        )
    ]
    return MethodReading(
        language.lang, curve.name, curve.parameter, curve.merges, (low, high),
        tuple(_read(seeds, curve, one) for one in at), tuple(line), tuple(points),
    )  # fmt: skip
