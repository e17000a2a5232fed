"""Data for pictures, pretty and ugly, from a few lists of names and of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice

from lm_eval_iberian.pictures.dot_plot import DotBand, DotColumn
from lm_eval_iberian.pictures.frontier_plot import (
    GainCurve,
    GainPanel,
    GainPicture,
)
from lm_eval_iberian.pictures.health_rates import HealthRates, health_bands
from lm_eval_iberian.pictures.instruction_kinds import InstructionHeatMap, TypeRow
from lm_eval_iberian.pictures.language_scores import LanguageScores
from lm_eval_iberian.pictures.models_shown import ModelShown, ModelsShown
from lm_eval_iberian.pictures.tradeoff import (
    Tradeoff,
    TradeoffPanel,
    TradeoffPoint,
    with_front,
)
from lm_eval_iberian.pictures.weight_curves import (
    Curve,
    CurveAxis,
    CurvePanel,
    WeightCurves,
)
from lm_eval_iberian.stats.estimate import Difference, Estimate


LONG = "an-organisation-of-some-length/a-model-with-a-name-of-eighty-letters-in-all-0"
NAMES: dict[str, tuple[str, ...]] = {
    "plain": ("base", "instruct", "expert", "linear weight=0.5", "nearswap t=0.5"),
    "one": ("linear",),
    "forty": tuple(f"merge-number-{at:02}" for at in range(40)),
    "long": tuple(f"{LONG}{at}-checkpoint-{at * 10}" for at in range(12)),
    "long alike": tuple(f"{LONG * 2}{at}{LONG * 2}" for at in range(5)),
    "forty long": tuple(f"{LONG}{at:02}" for at in range(40)),
    "marks": ("a$b$c", "x_y^{z}", "<b>bold</b>&amp;", "\"quoted' #1", "%s \\frac{1}"),
    "lines": ("two\nlines", "tab\tand\rreturn", "nul\0", "\x1b[31mred", "\u202eright"),
    "letters": (
        "漢字モデル七十億",
        "نموذج-عربي",
        "דגם-עברי",
        "euskara ñ ç l·l",
        "🦙🦙",
    ),
    "letters, long": ("漢字モデル" * 12, "نموذج" * 15, "ﷺ" * 30, "W" * 120),
    "spaces": (" ", "", "  a  b  ", "a", "a "),
}
Values = Callable[[int, int], "float | None"]
VALUES: dict[str, Values] = {
    "spread": lambda row, column: 20.0 + (37 * row + 11 * column) % 60,
    "equal": lambda row, column: 50.0,
    "zero": lambda row, column: 0.0,
    "hundred": lambda row, column: 100.0,
    "missing": lambda row, column: None if (row + column) % 2 else 40.0 + row,
    "first only": lambda row, column: 30.0 if row == column == 0 else None,
    "negative": lambda row, column: -5.0 * row - column,
    "outlier": lambda row, column: 1e7 if row == 0 and column == 0 else 50.0 + row,
    "huge": lambda row, column: (-1) ** row * 1.25e18 * (row + column),
    "tiny": lambda row, column: 1e-9 * (row + 1),
}  # fmt: skip
ROLES = ("base", "instruct", "expert", "merge")
_KINDS = (
    ("keywords", 4), ("length_constraints", 4), ("detectable_format", 6),
    ("detectable_content", 2), ("combination", 2), ("startend", 2), ("change_case", 3),
    ("punctuation", 1), ("a family of another's with a long name indeed", 1),
)  # fmt: skip


def estimate(value: float | None, wide: float = 4.0) -> Estimate | None:
    """Return a value with an interval; those that end in 7 have none."""
    if value is None:
        return None
    if value % 10 == 7:
        return Estimate(value, why="no standard error")
    return Estimate(value, value - wide, value + wide, wide / 2, n=100)


def difference(value: float, wide: float = 4.0, base: float = 50.0) -> Difference:
    """Return a difference with an interval; those that end in 7 have none."""
    if value % 10 == 7:
        return Difference(base, base + value, value, why="no standard error")
    return Difference(base, base + value, value, value - wide, value + wide)


def shown(names: Sequence[str], roles: bool = True) -> ModelsShown:
    """Return models, the first of which are baselines."""
    given = [*ROLES[:3], *["merge"] * len(names)] if roles else [""] * len(names)
    pairs = zip(names, given, strict=False)
    return ModelsShown(tuple(ModelShown(name, role) for name, role in pairs))


def language_scores(names: Sequence[str], values: Values) -> LanguageScores:
    """Return scores in two bands."""
    bands = []
    for titles, unit in (
        (("Basque", "English", "Galician", "Catalan", "Spanish"), "accuracy, %"),
        (("*-EU", "*-GL EU-ES, a column with a long title"), "BLEU"),
    ):
        columns = [
            DotColumn(title, tuple(estimate(values(r, c)) for r in range(len(names))))
            for c, title in enumerate(titles)
        ]
        bands.append(DotBand(f"Averages in {unit}", unit, tuple(columns)))
    return LanguageScores(shown(names), tuple(bands), "Averages.")


def health(names: Sequence[str], values: Values) -> HealthRates:
    """Return all rates; a value stands for so many of 100."""
    from lm_eval_iberian.health import RATES
    from lm_eval_iberian.pictures.health_rates import directed

    def rate(value: float | None) -> Estimate | None:
        if value is None:
            return None
        return estimate(min(max(value, 0.0), 100.0))

    columns = [
        DotColumn(title, tuple(rate(values(r, c)) for r in range(len(names))))
        for c, title in enumerate(map(directed, RATES))
    ]
    models, title = shown(names), "IFEval, Basque"
    bands = health_bands(title, columns, models)
    return HealthRates("ifeval_eu", title, models, bands)


def instructions(names: Sequence[str], values: Values) -> InstructionHeatMap:
    """Return a heat map of 25 kinds and all of them."""
    rows = []
    for family, count in (*_KINDS, ("", 1)):
        for at in range(count):
            found = [values(r, at) for r in range(len(names))]
            rows.append(
                TypeRow(
                    family, f"number of kind {at} {family}"[:34], f"{at}–{at + 40}",
                    tuple(v if v is None else min(max(v, 0.0), 100.0) for v in found),
                )
            )  # fmt: skip
    return InstructionHeatMap("ifeval_eu", "IFEval, Basque", shown(names), tuple(rows))


def tradeoff(names: Sequence[str], values: Values, less: bool = False) -> Tradeoff:
    """Return two languages, in one of which the last model is an expert."""
    panels = []
    for title in ("Basque", "Galician"):
        points = []
        for row, name in enumerate(names):
            gained, kept = values(row, 0), values(row, 1)
            if gained is not None or row == 0:
                gained = gained or 0.0
                kept = -gained / 2 if kept is None else kept
                points.append(
                    TradeoffPoint(
                        name, f"{name[:-1]}…", "", difference(gained), difference(-kept)
                    )
                )
        points.append(
            TradeoffPoint("expert", "", "expert", difference(3), difference(-30))
        )
        panels.append(TradeoffPanel(title, tuple(with_front(points, less))))
    axis = CurveAxis("perplexity", share=False, lower_is_better=True)
    return Tradeoff(
        tuple(panels), axis if less else CurveAxis("the language's average"),
        CurveAxis("IFEval"), "instruct",
    )  # fmt: skip


def weight_curves(
    names: Sequence[str], values: Values, less: bool = False
) -> WeightCurves:
    """Return two languages with a curve for every name."""
    xs = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    panels = []
    for title in ("Basque", "Galician"):
        curves = []
        for row, name in enumerate(dict.fromkeys(names)):
            count = 1 if row % 4 == 3 else len(xs)
            language, following = (
                tuple(estimate(values(row + at, c)) for at in range(count))
                for c in range(2)
            )
            curves.append(
                Curve(
                    name, xs[:count], language, following, xs[0] if row == 0 else None
                )
            )
        baselines = (("instruct", 60.0, 80.0), ("base", 40.0, None))
        panels.append(CurvePanel(title, "weight", tuple(curves), baselines))
    axis = CurveAxis("perplexity", share=False, lower_is_better=True)
    return WeightCurves(
        tuple(panels), axis if less else CurveAxis("the language's average"),
        CurveAxis("IFEval"), "the highest mean of both",
    )  # fmt: skip


def gain_picture(
    names: Sequence[str], values: Values, less: bool = False
) -> GainPicture:
    """Return two languages with a curve for every name, of two runs in the second."""
    panels = []
    for count, title in enumerate(("Basque", "Galician"), 1):
        curves = []
        for row, name in enumerate(dict.fromkeys(names)):
            points = [(0.0, 90.0)]
            for at in range(4):
                gain, score = values(row + at, 0), values(row, at)
                if gain is not None and score is not None:
                    points.append((gain, score))
            line = [(20.0 * at, score, score - 4, None if at % 2 else score + 4)
                    for at, (_, score) in enumerate(points)]  # fmt: skip
            curves.append(GainCurve(name, tuple(line), (tuple(points),) * count))
        panels.append(GainPanel(title, tuple(curves), 90.0))
    axis = CurveAxis("IFEval", share=not less, lower_is_better=less)
    return GainPicture(
        tuple(panels), "the language's average", axis, (25, 50, 75), 2 if less else 1
    )


def several(names: Sequence[str], count: int) -> list[str]:
    """Return so many names, again from the beginning where there are too few."""
    return list(islice(cycle(names), count))
