"""Holds every model against the instructed one: of a sweep, and outside of sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.pictures.models_shown import ModelShown
from lm_eval_iberian.pictures.score_estimates import ScoreEstimates
from lm_eval_iberian.pictures.tradeoff import (
    Tradeoff,
    TradeoffPanel,
    TradeoffPoint,
    with_front,
)
from lm_eval_iberian.pictures.weight_curves import curve_axis, series_names
from lm_eval_iberian.report.best_weight import FOLLOWING, LANGUAGE
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.sweep_report import CurvePoint, SweepReport
from lm_eval_iberian.report.swept_series import series_key
from lm_eval_iberian.report.tables import average_entry, language_name, language_titles
from lm_eval_iberian.stats import Difference


_INSTRUCT = "instruct"
# those of the two averages
_BLOCKS = ("accuracy", "ifeval")
_Measures = tuple["Measure | None", "Measure | None"]


def gather_tradeoff(comparer: Comparer, sweep: SweepReport) -> Tradeoff:
    """Return the points of a sweep, by the scores that its best points are told by.

    Raises:
        DataError: The sweep has no instructed model, nothing has both scores, or no
            model can be compared with it.
    """
    rule = sweep.view.rule
    against = _Against(ScoreEstimates(comparer, sweep))
    names = series_names(sweep.curves)
    panels = []
    for lang in dict.fromkeys(one.lang for one in sweep.curves):
        here = [one for one in sweep.curves if one.lang == lang]
        base = next((p for p in here if p.model.role == _INSTRUCT), None)
        points = []
        for one in here if base is not None else ():
            if base is None or one is base:
                continue
            found = against.differences(
                (base.model.called, one.model.called),
                (rule.language.of(lang), rule.following.of(lang)),
                (base.language.measure, base.following.measure),
                (one.language.measure, one.following.measure),
            )
            if found is not None:
                series = names[series_key(one.series)] if one.series else ""
                role = "" if one.series else one.model.role
                points.append(TradeoffPoint(_name(one), series, role, *found))
        if any(point.series for point in points):
            metrics = here[0].language.metric, here[0].following.metric
            ways = (metric.lower_is_better for metric in metrics)
            title = language_name(lang)
            panels.append(TradeoffPanel(title, tuple(with_front(points, *ways))))
    if not panels:
        raise against.nothing(
            f"{sweep.sweep.path}: no merge and the instructed model have both"
            f" {rule.language.header} and {rule.following.header}"
        )
    first = sweep.curves[0]
    return Tradeoff(
        tuple(panels),
        curve_axis(rule.language, first.language.metric),
        curve_axis(rule.following, first.following.metric),
        _INSTRUCT,
        tuple(against.left_out),
    )


def _name(point: CurvePoint) -> str:
    return point.series.of_point(point.value) if point.series else point.model.role


def gather_model_tradeoff(
    comparer: Comparer, models: Sequence[ModelShown], baseline: str
) -> Tradeoff:
    """Return the models outside of sweeps, by the paper's averages.

    Args:
        comparer: Who knows the items.
        models: The models.
        baseline: The instructed one.

    Raises:
        DataError: Nothing has both scores, or no model can be compared with it.
    """
    catalogue, against = comparer.catalogue, _Against(ScoreEstimates(comparer))
    panels = []
    for lang, title in language_titles().items():
        columns = LANGUAGE.of(lang), FOLLOWING.of(lang)
        points = []
        for one in models:
            found = None
            if one.name != baseline:
                found = against.differences(
                    (baseline, one.name), columns,
                    _averages(comparer, baseline, columns),
                    _averages(comparer, one.name, columns),
                )  # fmt: skip
            if found is not None:
                role = one.role if one.role in ("base", "expert") else ""
                series = "" if role else "models"
                points.append(TradeoffPoint(one.name, series, role, *found))
        if any(point.series for point in points):
            panels.append(TradeoffPanel(title, tuple(with_front(points))))
    if not panels:
        raise against.nothing(
            f"no model has, with {baseline}, both a language's average and its IFEval"
        )
    metrics = [catalogue.metrics[catalogue.blocks[b].metric] for b in _BLOCKS]
    return Tradeoff(
        tuple(panels), curve_axis(LANGUAGE, metrics[0]),
        curve_axis(FOLLOWING, metrics[1]), baseline, tuple(against.left_out),
    )  # fmt: skip


def _averages(comparer: Comparer, name: str, columns: Sequence[str]) -> _Measures:
    model = comparer.subjects[name].model
    first, second = (average_entry(model, column).measure for column in columns)
    return first, second


@dataclass
class _Against:
    """Compares models, and remembers which cannot be."""

    estimates: ScoreEstimates
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def differences(
        self,
        names: tuple[str, str],
        scores: tuple[str, str],
        ours: _Measures,
        theirs: _Measures,
    ) -> tuple[Difference, Difference] | None:
        """Return how two scores of the second model differ from the baseline's."""
        found = []
        for score, mine, other in zip(scores, ours, theirs, strict=True):
            try:
                one = self.estimates.difference(names, score, (mine, other))
            except DataError as error:
                self.left_out.append((names[1], str(error)))
                return None
            if one is None:
                return None
            found.append(one)
        return found[0], found[1]

    def nothing(self, text: str) -> DataError:
        """Return the error of nothing to draw."""
        why = [f"; {name}: {reason}" for name, reason in self.left_out[:1]]
        return DataError("".join([text, *why]))
