"""Reads the curves of sweeps: of every method its merges, and what they counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lm_eval_iberian.comparison import (
    CompareOptions,
    Comparer,
    catalogue_of_tasks,
    subjects_of,
)
from lm_eval_iberian.comparison.comparison_words import mixed_text
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.frontier.method_curves import (
    FrontierAsked,
    FrontierSweeps,
    MethodCurve,
    MethodCurves,
    SeedPoints,
)
from lm_eval_iberian.report.model_report import Note, Report, build_report
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric, load_catalogue
from lm_eval_iberian.report.searched_folders import refuse_searched, refuse_searches_in
from lm_eval_iberian.report.sweep_results import (
    SWEEP_FILE,
    SweepResults,
    SweptModel,
    find_sweeps,
)
from lm_eval_iberian.report.sweep_scores import ScoreName, SweepScores
from lm_eval_iberian.report.swept_series import (
    SeriesKey,
    SweptSeries,
    is_weight,
    names_of_series,
    series_key,
    series_of,
)
from lm_eval_iberian.stats import ScoreDraws, draw_scores
from lm_eval_iberian.terminal import first_of


_INSTRUCT, _EXPERT = "instruct", "expert"
_NAMED = 6
# of fewer the lines between them are most of a curve
FEW_POINTS = 4
# what tells a series from others, and the languages of its experts
_Key = tuple[SeriesKey, tuple[str, ...]]
_Place = Callable[[int, SweptModel], int]


@dataclass
class _SeedSweep:
    """A sweep with its report, and what its models are called among all sweeps'."""

    results: SweepResults
    report: Report
    scores: SweepScores
    series: dict[_Key, SweptSeries]
    mark: str = ""

    def subject(self, model: SweptModel) -> str:
        return f"{model.called}{self.mark}"


@dataclass
class _CurveReader:
    """Reads the curves of sweeps, and gathers what must be said of them."""

    asked: FrontierAsked
    catalogue: Catalogue
    sweeps: list[_SeedSweep]
    notes: list[Note] = field(default_factory=list)
    inputs: dict[str, None] = field(default_factory=dict)
    _comparers: dict[str, Comparer] = field(default_factory=dict)

    def curves(self, lang: str) -> MethodCurves | None:
        """Return the curves in a language, ``None`` where no two can be compared."""
        models: dict[tuple[int, str], int] = {}
        owned: list[tuple[_SeedSweep, SweptModel]] = []

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
        language = self._draw(self.asked.language, lang, owned, 0)
        following = self._draw(self.asked.following, lang, owned[: min(experts)], 1)
        metrics = [
            self._score(self.sweeps[0], roles[0][_INSTRUCT], name, lang)
            for name in (self.asked.language, self.asked.following)
        ]
        return MethodCurves(
            lang, tuple(curves), tuple(instructs), tuple(experts), language, following,
            *metrics,
        )  # fmt: skip

    def _score(
        self, sweep: _SeedSweep, model: SweptModel, name: ScoreName, lang: str
    ) -> Metric:
        return sweep.scores.score(model, name, lang).metric

    def _baseline(self, sweep: _SeedSweep, role: str, lang: str) -> SweptModel:
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

    def _names(self, lang: str) -> dict[_Key, str]:
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
        self, key: _Key, name: str, lang: str, place: _Place, instructs: Sequence[int]
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
        self, sweep: _SeedSweep, series: SweptSeries, lang: str
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

    def _draw(
        self,
        name: ScoreName,
        lang: str,
        owned: Sequence[tuple[_SeedSweep, SweptModel]],
        number: int,
    ) -> ScoreDraws:
        key, _, metric = name.of(lang).partition(":")
        comparer = self._comparer(key, metric, lang)
        subjects = [sweep.subject(model) for sweep, model in owned]
        self._check_settings(comparer, [model for _, model in owned], subjects, key)
        items = comparer.shared_items(subjects, key, metric)
        self.inputs |= dict.fromkeys(map(str, comparer.samples))
        counts = sorted({len(runs) for one in items for runs in one.runs})
        if len(counts) > 1:
            text = (
                f"{name.of(lang)} has {' or '.join(map(str, counts))} runs: each model"
                " counts by its mean, and how its runs differ is not in the intervals"
            )
            self.notes.append(Note("runs", lang, text))
        return draw_scores(
            [one.runs for one in items],
            [one.family for one in items],
            resamples=self.asked.resamples,
            key=self.asked.key + number,
        )

    def _check_settings(
        self,
        comparer: Comparer,
        models: Sequence[SweptModel],
        subjects: Sequence[str],
        key: str,
    ) -> None:
        """Refuse models that were evaluated otherwise than the first, but for experts.

        An expert, which may have no chat template, says where 100 per cent are, of all
        methods alike; it is compared with none.
        """
        first = subjects[0]
        found = {
            (model.role, other, benchmark): text
            for model, other in zip(models[1:], subjects[1:], strict=True)
            for benchmark, text in comparer.mixed(first, other, key).items()
        }
        refused = {
            (other, benchmark): text
            for (role, other, benchmark), text in found.items()
            if role != _EXPERT
        }
        if refused and not self.asked.allow_mixed:
            raise DataError(mixed_text(first, refused))
        for text in dict.fromkeys(found.values()):
            others = [other for (_, other, _), told in found.items() if told == text]
            said = f"{text}, other than {first}"
            self.notes.append(Note("mixed", first_of(others, _NAMED), said))

    def _comparer(self, key: str, metric: str, lang: str) -> Comparer:
        """Return who knows a score, which may be a number of any task."""
        known = key in {*self.catalogue.columns(), *self.catalogue.every()}
        name = "" if known else f"{key}:{metric}"
        if name not in self._comparers:
            catalogue = self.catalogue
            if not known:
                catalogue = catalogue_of_tasks(catalogue, {key: (lang, metric)})
            subjects = []
            for sweep in self.sweeps:
                report = sweep.report
                if not known:
                    report = build_report(
                        [sweep.results.path / "cells"], catalogue=catalogue,
                        keep_going=True, needed=False,
                    )  # fmt: skip
                subjects += [
                    replace(one, name=f"{one.name}{sweep.mark}")
                    for one in subjects_of(report)
                ]
            options = CompareOptions(allow_mixed=self.asked.allow_mixed)
            self._comparers[name] = Comparer(subjects, catalogue, options)
        return self._comparers[name]


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
    sweeps = [_read(folder, catalogue, asked) for folder in _folders(paths)]
    if len(sweeps) > 1:
        for one in sweeps:
            one.mark = f" ({one.results.path})"
    reader = _CurveReader(asked, catalogue, sweeps)
    langs = [
        lang
        for lang in sweeps[0].results.languages
        if all(lang in one.results.languages for one in sweeps)
    ]
    found = [reader.curves(lang) for lang in langs]
    languages = tuple(one for one in found if one is not None)
    if not languages:
        why = "; ".join(
            f"{note.about}, {note.text}"
            for note in reader.notes
            if note.kind != "few points"
        )
        raise DataError(
            f"{first_of([str(s.results.path) for s in sweeps], _NAMED)}: no two methods"
            f" have a curve in a language{f' ({why})' if why else ''}; sweep a weight"
            " of two methods at two values or more each"
        )
    for sweep in sweeps:
        reader.inputs |= dict.fromkeys(map(str, sweep.report.inputs))
        reader.inputs[str(sweep.results.path / SWEEP_FILE)] = None
    return FrontierSweeps(
        asked, languages, tuple(one.results.path for one in sweeps),
        tuple(reader.notes), tuple(reader.inputs),
    )  # fmt: skip


def _folders(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist")
        refuse_searched(path)
        here = sorted(path.rglob(SWEEP_FILE)) if path.is_dir() else []
        if not here:
            refuse_searches_in(path)
            raise DataError(f"{path} holds no sweep: no {SWEEP_FILE} is in it")
        for file in here:
            found.setdefault(file.resolve(), file.parent)
    return list(found.values())


def _read(folder: Path, catalogue: Catalogue, asked: FrontierAsked) -> _SeedSweep:
    sweeps = find_sweeps([folder], catalogue, {}, asked.keep_going)
    results = next(one for one in sweeps if one.path == folder)
    if len(results.missing) == len(results.cells):
        raise DataError(f"{folder}: no cell of the sweep has a result; run it first")
    report = build_report([folder / "cells"], keep_going=asked.keep_going, needed=False)
    found = series_of(results.merges, asked.swept)
    series = {(series_key(one), one.languages): one for one in found}
    return _SeedSweep(results, report, SweepScores(results, report), series)


def _named(keys: Iterable[_Key]) -> dict[_Key, str]:
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
