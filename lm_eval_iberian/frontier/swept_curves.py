"""Reads the curves of sweeps: of every method its merges, and what they counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.frontier.method_curves import (
    FrontierAsked,
    FrontierSweeps,
    MethodCurve,
    MethodCurves,
    SeedPoints,
)
from lm_eval_iberian.frontier.seed_sweeps import (
    LangSeries,
    SeedSweep,
    read_seed_sweeps,
)
from lm_eval_iberian.frontier.shared_draws import SharedDraws
from lm_eval_iberian.report.model_report import Note
from lm_eval_iberian.report.report_catalogue import Metric, load_catalogue
from lm_eval_iberian.report.sweep_results import SWEEP_FILE, SweptModel
from lm_eval_iberian.report.sweep_scores import ScoreName
from lm_eval_iberian.report.swept_series import (
    SweptSeries,
    is_weight,
    names_of_series,
)
from lm_eval_iberian.terminal import first_of


_INSTRUCT, _EXPERT = "instruct", "expert"
_NAMED = 6
# of fewer the lines between them are most of a curve
FEW_POINTS = 4
_Place = Callable[[int, SweptModel], int]


@dataclass
class _CurveReader:
    """Reads the curves of sweeps, and gathers what must be said of them."""

    asked: FrontierAsked
    sweeps: Sequence[SeedSweep]
    draws: SharedDraws
    notes: list[Note]

    def curves(self, lang: str) -> MethodCurves | None:
        """Return the curves in a language, ``None`` where no two can be compared."""
        models: dict[tuple[int, str], int] = {}
        owned: list[tuple[SeedSweep, SweptModel]] = []

        def place(at: int, model: SweptModel) -> int:
            key = (at, model.subject)
            if key not in models:
                models[key] = len(owned)
                owned.append((self.sweeps[at], model))
            return models[key]

        every = range(len(self.sweeps))
        roles = [
            {role: self._baseline(self.sweeps[at], role, lang) for role in
             (_INSTRUCT, _EXPERT)}
            for at in every
        ]  # fmt: skip
        instructs = [place(at, roles[at][_INSTRUCT]) for at in every]
        curves = []
        for key, name in self._names(lang).items():
            curve = self._curve(key, name, lang, place, instructs)
            if curve is not None:
                curves.append(curve)
        if len(curves) < 2:
            return None
        # those of whom nothing but the language is asked come last
        experts = [place(at, roles[at][_EXPERT]) for at in every]
        language = self.draws.draw(self.asked.language, lang, owned, 0)
        following = self.draws.draw(
            self.asked.following, lang, owned[: min(experts)], 1
        )
        metrics = [
            self._score(self.sweeps[0], roles[0][_INSTRUCT], name, lang)
            for name in (self.asked.language, self.asked.following)
        ]
        return MethodCurves(
            lang, tuple(curves), tuple(instructs), tuple(experts), language, following,
            *metrics,
        )  # fmt: skip

    def _score(
        self, sweep: SeedSweep, model: SweptModel, name: ScoreName, lang: str
    ) -> Metric:
        return sweep.scores.score(model, name, lang).metric

    def _baseline(self, sweep: SeedSweep, role: str, lang: str) -> SweptModel:
        found = [
            one
            for one in sweep.results.baselines
            if one.role == role and lang in one.languages
        ]
        if len(found) != 1:
            names = first_of([one.name for one in found], _NAMED) or "none"
            raise DataError(
                f"{sweep.results.path}: gains in {lang} are told from the instructed"
                f" model to the expert, and of {role} it has {names}; give the sweep"
                f" one as a baseline"
            )
        wanted = [self.asked.language]
        wanted += [self.asked.following] if role == _INSTRUCT else []
        for name in wanted:
            score = sweep.scores.score(found[0], name, lang)
            if score.measure is None:
                why = _why(score.why, score.lacking)
                raise DataError(
                    f"{sweep.results.path}: {found[0].name}: {why}; evaluate it, or say"
                    " by which scores to compare with --language-score and --following"
                )
        return found[0]

    def _names(self, lang: str) -> dict[LangSeries, str]:
        """Return the series that all sweeps have, with their names."""
        having = [
            [key for key, of in one.series.items() if lang in of.languages]
            for one in self.sweeps
        ]
        every = dict.fromkeys(key for own in having for key in own)
        named = _named(every)
        names = {
            k: name for k, name in named.items() if all(k in own for own in having)
        }
        if others := [name for key, name in named.items() if key not in names]:
            text = f"not all sweeps have it: {first_of(others, _NAMED)}"
            self.notes.append(Note("not compared", lang, text))
        for wanted in (*self.asked.only, *filter(None, [self.asked.baseline])):
            if wanted not in names.values():
                raise UnknownNameError("method of the sweep", wanted, names.values())
        chosen = {*self.asked.only, self.asked.baseline}
        return {
            key: name
            for key, name in names.items()
            if not self.asked.only or name in chosen
        }

    def _curve(
        self,
        key: LangSeries,
        name: str,
        lang: str,
        place: _Place,
        instructs: Sequence[int],
    ) -> MethodCurve | None:
        seeds, starts, parameter = [], [], ""
        for at, sweep in enumerate(self.sweeps):
            series = sweep.series[key]
            points = self._points(sweep, series, lang)
            if len(points) < 2:
                found = "one point" if points else "no point with both scores"
                text = f"{found}: no curve, and nothing to read at an equal gain"
                self.notes.append(Note("not compared", f"{lang}: {name}", text))
                return None
            parameter = series.parameter
            values = [value for value, _ in points]
            places = [place(at, model) for _, model in points]
            starts.append(is_weight(parameter) and min(values) > 0)
            if starts[-1]:
                values, places = [0.0, *values], [instructs[at], *places]
            seeds.append(SeedPoints(tuple(values), tuple(places)))
        curve = MethodCurve(name, parameter, all(starts), tuple(seeds))
        if curve.merges < FEW_POINTS:
            text = (
                f"{curve.merges} points: between them the curve is a straight line that"
                " nobody has measured, and the interval does not hold how far it is off"
            )
            self.notes.append(Note("few points", f"{lang}: {name}", text))
        return curve

    def _points(
        self, sweep: SeedSweep, series: SweptSeries, lang: str
    ) -> list[tuple[float, SweptModel]]:
        found, lacking = [], []
        for value, model in series.points:
            scores = [
                sweep.scores.score(model, name, lang)
                for name in (self.asked.language, self.asked.following)
            ]
            why = [_why(s.why, s.lacking) for s in scores if s.measure is None]
            if why:
                told = "; ".join(dict.fromkeys(why))
                lacking.append(f"{series.of_point(value)}: {told}")
            elif value is not None:
                found.append((value, model))
        if lacking:
            text = f"{len(lacking)} of {len(series.points)} points lack a score:"
            text = f"{text} {first_of(lacking, _NAMED, '; ')}"
            if not self.asked.keep_going and series.swept:
                raise DataError(
                    f"{sweep.results.path}, {lang}: {text}; run the sweep to its end,"
                    " or pass --keep-going to draw the curves without them"
                )
            self.notes.append(Note("incomplete", f"{lang}: {series.name}", text))
        return found


def read_frontier(
    paths: Iterable[Path], asked: FrontierAsked | None = None
) -> FrontierSweeps:
    """Read the curves of sweeps; several are the same sweep with other seeds.

    Args:
        paths: Folders, searched to any depth for sweeps.
        asked: What is compared; left out, the paper's scores.

    Raises:
        DataError: There is no sweep, results or samples are missing or cannot be used,
            or no two methods have a curve.
        UnknownNameError: A score, a parameter or a method does not exist.
    """
    asked = asked or FrontierAsked()
    catalogue = load_catalogue()
    sweeps = read_seed_sweeps(paths, catalogue, asked)
    notes: list[Note] = []
    inputs: dict[str, None] = {}
    draws = SharedDraws(asked, catalogue, sweeps, notes, inputs)
    reader = _CurveReader(asked, sweeps, draws, notes)
    langs = [
        lang
        for lang in sweeps[0].results.languages
        if all(lang in one.results.languages for one in sweeps)
    ]
    found = [reader.curves(lang) for lang in langs]
    languages = tuple(one for one in found if one is not None)
    if not languages:
        why = "; ".join(
            f"{note.about}, {note.text}" for note in notes if note.kind != "few points"
        )
        raise DataError(
            f"{first_of([str(s.results.path) for s in sweeps], _NAMED)}: no two methods"
            f" have a curve in a language{f' ({why})' if why else ''}; sweep a weight"
            " of two methods at two values or more each"
        )
    for sweep in sweeps:
        inputs |= dict.fromkeys(map(str, sweep.report.inputs))
        inputs[str(sweep.results.path / SWEEP_FILE)] = None
    return FrontierSweeps(
        asked, languages, tuple(one.results.path for one in sweeps),
        tuple(notes), tuple(inputs),
    )  # fmt: skip


def _named(keys: Iterable[LangSeries]) -> dict[LangSeries, str]:
    """Return the names of series in one language."""
    every = list(keys)
    names = names_of_series(key for key, _ in every)
    often = Counter(key for key, _ in every)
    return {
        (key, languages): names[key]
        + (f" ({'+'.join(languages)})" if often[key] > 1 else "")
        for key, languages in every
    }


def _why(why: str, lacking: Sequence[str]) -> str:
    cells = f"no result of {first_of(lacking, _NAMED)}" if lacking else ""
    return cells or why
