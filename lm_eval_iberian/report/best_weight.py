"""The best point of a series, by a rule that is said beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.sweep_results import SweptModel
from lm_eval_iberian.report.sweep_scores import Score, ScoreName, SweepScores
from lm_eval_iberian.report.swept_series import SweptSeries


LANGUAGE = ScoreName("{LANG}", "the language's average")
FOLLOWING = ScoreName("IFEval {LANG}", "IFEval")
CHOSEN_HERE = (
    "chosen on these very results: on other items a chosen point is expected to score"
    " less than here"
)
_KEEP = "keep="
RULES = ("mean", "language", "following", f"{_KEEP}SHARE")


@dataclass(frozen=True)
class BestRule:
    """How the best point is told.

    Args:
        text: ``mean`` of the language's score and of instruction following; the best
            score of the one or the other; ``keep=0.9``, the best score of the language
            among points that keep this share of the instructed model's following.
        language: The score of a language.
        following: The score of instruction following.
    """

    text: str = "mean"
    language: ScoreName = LANGUAGE
    following: ScoreName = FOLLOWING

    def __post_init__(self) -> None:
        if self.text not in RULES[:3] and self._share() is None:
            raise UnknownNameError("rule for the best point", self.text, RULES)

    def _share(self) -> float | None:
        if not self.text.startswith(_KEEP):
            return None
        try:
            share = float(self.text.removeprefix(_KEEP))
        except ValueError:
            return None
        return share if 0 < share <= 1 else None

    @property
    def sentence(self) -> str:
        """Which point is the best, in words."""
        language, following = self.language.header, self.following.header
        if self.keeps:
            return f"the best {language} among points with {self.kept}"
        return {
            "mean": f"the highest mean of {language} and {following}",
            "language": f"the best {language}",
            "following": f"the best {following}",
        }[self.text]

    @property
    def keeps(self) -> bool:
        """Whether points are held against the instructed model."""
        return self._share() is not None

    @property
    def kept(self) -> str:
        """What a point must keep, in words; empty where it is held against nothing."""
        share = self._share()
        if share is None:
            return ""
        whole = f"the instructed model's {self.following.header}"
        return f"at least {100 * share:g} % of {whole}"

    def worth(self, language: Score, following: Score, kept: float) -> float | None:
        """Return what a point is worth, more is better; ``None``: it keeps too little.

        Args:
            language: The score of its language.
            following: Its score of instruction following.
            kept: That of the instructed model.

        Raises:
            DataError: The rule has no sense for such scores.
        """
        ours, theirs = _signed(language), _signed(following)
        if self.text == "mean":
            for one in (language.metric, following.metric):
                if one.lower_is_better or one.scale != 100:
                    raise DataError(
                        f"{language.metric.label} and {following.metric.label} are not"
                        " both shares, and have no mean; choose another --best-by:"
                        f" {', '.join(RULES[1:])}"
                    )
            return (ours + theirs) / 2
        if self.text == "following":
            return theirs
        share = self._share()
        if share is not None and following.metric.lower_is_better:
            raise DataError(
                f"--best-by {self.text}: less is better of {following.metric.label}, of"
                " which no share can be kept; choose another --following"
            )
        return None if share is not None and theirs < share * kept else ours


@dataclass(frozen=True)
class BestPoint:
    """The best point of a series in a language.

    Args:
        series: The series.
        lang: The language.
        value: Its value; of several that are equal the smallest, ``None`` for none.
        model: Its merge.
        ties: The other values that are as good.
        scores: Of every point, language and following.
        without: What is said of points that cannot be compared.
    """

    series: SweptSeries
    lang: str
    value: float | None
    model: SweptModel | None
    ties: tuple[float, ...]
    scores: tuple[tuple[Score, Score], ...]
    without: tuple[str, ...]

    @property
    def chosen(self) -> tuple[Score, Score]:
        """The two scores of the best point.

        Raises:
            ValueError: There is none.
        """
        models = [model for _, model in self.series.points]
        if self.model is None:
            raise ValueError("there is no best point")
        return self.scores[models.index(self.model)]

    @property
    def compared(self) -> int:
        """How many points have both scores."""
        return sum(None not in (a.measure, b.measure) for a, b in self.scores)


def best_point(
    series: SweptSeries, lang: str, rule: BestRule, scores: SweepScores
) -> BestPoint:
    """Return the best point of a series in a language.

    Raises:
        DataError: The rule has no sense for these scores.
        UnknownNameError: A score does not exist.
    """
    pairs, without = [], []
    worths: list[tuple[float, float, SweptModel]] = []
    kept, why_not = _kept(rule, scores, lang) if rule.keeps else (0.0, "")
    if why_not:
        without.append(why_not)
    for value, model in series.points:
        pair = tuple(
            scores.score(model, name, lang) for name in (rule.language, rule.following)
        )
        pairs.append((pair[0], pair[1]))
        lacking = [one for one in pair if one.measure is None]
        if lacking:
            without.append(f"{series.of_point(value)}: {_reasons(lacking)}")
        elif value is not None and not why_not:
            worth = rule.worth(pair[0], pair[1], kept)
            if worth is not None:
                worths.append((round(worth, 2), value, model))
    most = max((worth for worth, *_ in worths), default=0.0)
    best = [(value, model) for worth, value, model in worths if worth == most]
    return BestPoint(
        series,
        lang,
        best[0][0] if best else None,
        best[0][1] if best else None,
        tuple(value for value, _ in best[1:]),
        tuple(pairs),
        tuple(without),
    )


def _kept(rule: BestRule, scores: SweepScores, lang: str) -> tuple[float, str]:
    """Return the instructed model's score, and why there is none."""
    for model in scores.sweep.baselines:
        if model.role == "instruct":
            score = scores.score(model, rule.following, lang)
            if score.measure is not None:
                return score.measure.value, ""
            return 0.0, f"instruct: {_reasons([score])}"
    return 0.0, f"--best-by {rule.text}: instruct is none of the sweep's baselines"


def _signed(score: Score) -> float:
    if score.measure is None:
        raise ValueError("a score without a value is worth nothing")
    value = score.measure.value
    return -value if score.metric.lower_is_better else value


def _reasons(scores: Sequence[Score]) -> str:
    """Say which cells are missing for scores, or else why there are none."""
    cells = dict.fromkeys(cell for one in scores for cell in one.lacking)
    why = [f"no result of {', '.join(cells)}"] if cells else []
    why += dict.fromkeys(one.why for one in scores if not one.lacking)
    return "; ".join(why)
