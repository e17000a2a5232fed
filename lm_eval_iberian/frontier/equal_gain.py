"""Methods held against each other where they gain the same of a language.

A gain is in per cent of the expert's: 0 is the instructed model, 100 the expert. Of a
perplexity it is the gain of its logarithm, which items add up to. In every draw of
items the gains, the expert's among them, and what curves have there are told anew, of
the same items for all models: an interval holds what reading between the points adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.frontier.method_curves import (
    FrontierSweeps,
    MethodCurve,
    MethodCurves,
)
from lm_eval_iberian.report.model_report import Note
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.stats import (
    DrawnScores,
    Floats,
    PointCurves,
    ScoreDraws,
    SeedCurves,
    Uncertainty,
    common_range,
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
        over: From where to where a mean goes, on the results as they are.
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
    seeds = [_of_seeds(one, len(read.sweeps)) for one in read.languages]
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
            rows += (own.row(language.lang, a, b, at) for at in (*asked.at, None))
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


@dataclass(frozen=True)
class _Seeds:
    """The scores of every seed: gains across, instructions followed upright."""

    across: list[DrawnScores]
    upright: list[DrawnScores]
    # one for each seed, or one for all where seeds are runs of the same models
    sweeps: int
    instruct: float
    ends: tuple[float, float]
    # between which values a score lies
    bounds: tuple[float, float]

    def places(self, curve: MethodCurve, seed: int) -> list[int]:
        return list(curve.seeds[seed if self.sweeps > 1 else 0].places)

    def curves(
        self, read: Callable[..., Floats], *curves: MethodCurve
    ) -> list[SeedCurves]:
        """Return every seed with a function of curves as what is read of it."""

        def reading(places: Sequence[list[int]]) -> Callable[[Floats, Floats], Floats]:
            return lambda xs, ys: read(
                *(PointCurves(xs[..., own], ys[..., own]) for own in places)
            )

        return [
            SeedCurves(
                across, upright, reading([self.places(one, seed) for one in curves])
            )
            for seed, (across, upright) in enumerate(
                zip(self.across, self.upright, strict=True)
            )
        ]

    def reach(self, *curves: MethodCurve) -> tuple[float, float]:
        """Return from where to where curves reach in all seeds."""
        found = [
            common_range(
                *(
                    PointCurves(across.values[own], across.values[own])
                    for own in (self.places(one, seed) for one in curves)
                )
            )
            for seed, across in enumerate(self.across)
        ]
        return max(float(low) for low, _ in found), min(float(h) for _, h in found)

    def read(self, curve: MethodCurve, at: float) -> GainReading | None:
        low, high = self.reach(curve)
        if not low <= at <= high:
            return None
        value, found = uncertain_reading(
            self.curves(lambda one: read_at(one, at), curve)
        )
        return GainReading(at, value, _within(found, *self.bounds))

    def row(
        self, lang: str, a: MethodCurve, b: MethodCurve, at: float | None
    ) -> EqualGainRow:
        names = lang, a.name, b.name
        if at is None:
            over = self.reach(a, b)
            if over[0] >= over[1]:
                why = f"no gain is reached by both: {self._reaches(a, b)}"
                return EqualGainRow(*names, at, None, None, None, Uncertainty(why=why))
            seeds = self.curves(mean_differences, a, b)
            value, found = uncertain_reading(seeds)
            found = _within(found, -self.span, self.span)
            return EqualGainRow(*names, at, None, None, value, found, over)
        far = [one for one in (a, b) if self.ends_before(one, at)]
        if far:
            why = f"not reached by {' and '.join(one.name for one in far)}:"
            why = f"{why} {self._reaches(*far)}"
            return EqualGainRow(*names, at, None, None, None, Uncertainty(why=why))
        seeds = self.curves(lambda x, y: read_at(y, at) - read_at(x, at), a, b)
        value, found = uncertain_reading(seeds)
        found = _within(found, -self.span, self.span)
        mine, theirs = (
            float(
                np.mean([s.value for s in self.curves(lambda c: read_at(c, at), one)])
            )
            for one in (a, b)
        )
        return EqualGainRow(*names, at, mine, theirs, value, found)

    @property
    def span(self) -> float:
        """How far two scores may be apart."""
        return self.bounds[1] - self.bounds[0]

    def ends_before(self, curve: MethodCurve, at: float) -> bool:
        low, high = self.reach(curve)
        return not low <= at <= high

    def _reaches(self, *curves: MethodCurve) -> str:
        found = [(one.name, *self.reach(one)) for one in curves]
        return ", ".join(
            f"{name} {low:.0f} to {high:.0f} % of the expert's gain"
            for name, low, high in found
        )


def _of_seeds(one: MethodCurves, sweeps: int) -> _Seeds:
    """Return the scores of every sweep, or of one sweep those of every run."""
    language, following = one.language, one.following
    runs = 1
    if sweeps == 1:
        counts = {language.values.shape[1], following.values.shape[1]} - {1}
        runs = counts.pop() if len(counts) == 1 else 1
    across, upright = [], []
    for seed in range(max(sweeps, runs)):
        of = seed if sweeps > 1 else 0
        run = seed if runs > 1 else None
        values, draws = _run_of(language, run)
        ends = one.instructs[of], one.experts[of]
        gains, drawn = (
            _shares(_better(table, one.language_metric), *ends)
            for table in (values, draws)
        )
        across.append(DrawnScores(gains, drawn, language.clusters))
        values, draws = _run_of(following, run)
        upright.append(DrawnScores(values, draws, following.clusters, following.moves))
    first, last = (
        float(np.mean([language.values[at] for at in places]))
        for places in (one.instructs, one.experts)
    )
    if not all(np.isfinite(seed.values).all() for seed in across):
        raise DataError(
            f"the expert of {one.lang} gains nothing of the language in all that was"
            f" read: instruct has {first:.2f}, the expert {last:.2f}"
            f" ({one.language_metric.label}); of no gain there are no per cent"
        )
    kept = float(np.mean([following.values[at] for at in one.instructs]))
    metric = one.following_metric
    bounds = metric.scale * metric.least, metric.scale * metric.most
    return _Seeds(across, upright, sweeps, kept, (first, last), bounds)


def _within(found: Uncertainty, low: float, high: float) -> Uncertainty:
    """Let no interval reach scores that there are not."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(found.low, low), high=min(found.high, high))


def _run_of(scores: ScoreDraws, run: int | None) -> tuple[Floats, Floats]:
    """Return values and draws, the latter (resamples, models), of a run or of all."""
    if run is None or scores.values.shape[1] == 1:
        return scores.values.mean(axis=1), scores.draws.mean(axis=1).T
    return scores.values[:, run], scores.draws[:, run].T


def _better(table: Floats, metric: Metric) -> Floats:
    """Return scores of which more is better, and that items add up to."""
    if metric.form == "losses":
        return -np.log(table)
    return -table if metric.lower_is_better else table


def _shares(table: Floats, instruct: int, expert: int) -> Floats:
    """Return gains in per cent of the expert's; not a number where it gains nothing."""
    own = table - table[..., [instruct]]
    whole = own[..., [expert]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, 100 * own / whole, np.nan)


def _reading(
    curve: MethodCurve,
    language: MethodCurves,
    seeds: _Seeds,
    at: Sequence[float],
    steps: int,
) -> MethodReading:
    low, high = seeds.reach(curve)
    line = [
        found
        for gain in np.linspace(max(low, 0.0), high, steps)
        if high > low and (found := seeds.read(curve, float(gain))) is not None
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
        tuple(seeds.read(curve, one) for one in at), tuple(line), tuple(points),
    )  # fmt: skip
