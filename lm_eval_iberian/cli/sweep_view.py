"""The options that say how a sweep is to be reported."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

from click import Choice

from lm_eval_iberian.cli.options import options_of


SWEEPS = "Sweeps"
_of_sweeps = options_of(SWEEPS)


def view_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, and their values as one argument, ``view``."""

    @_of_sweeps(
        "--best-by",
        default="mean",
        show_default=True,
        metavar="RULE",
        help="Which point is the best. mean: of the two scores; language;"
        " following; keep=0.9: language, among points that keep 90 % of the instructed"
        " model's following.",
    )
    @_of_sweeps(
        "--language-score",
        metavar="NAME",
        help="The score of a language: an average, a benchmark's id or TASK:METRIC,"
        " with {lang} or {LANG} for the language, and =TITLE after it.  [default:"
        " {LANG}]",
    )
    @_of_sweeps(
        "--following",
        metavar="NAME",
        help="The score of instruction following.  [default: IFEval {LANG}]",
    )
    @_of_sweeps(
        "--column",
        "columns",
        metavar="NAME",
        multiple=True,
        help="A column of the tables of methods, in the place of the paper's.",
    )
    @_of_sweeps("--swept", default="", metavar="PARAMETER", help="What is swept.")
    @_of_sweeps(
        "--points",
        type=Choice(["best", "all"]),
        default="best",
        show_default=True,
        help="Whether the tables have of what is swept the best point, or all.",
    )
    @_of_sweeps(
        "--tables",
        type=Choice(["all", "sweep"]),
        default="all",
        show_default=True,
        help="Whether the tables of all models follow theirs.",
    )
    @functools.wraps(command)
    def with_view(
        *,
        best_by: str,
        language_score: str | None,
        following: str | None,
        columns: tuple[str, ...],
        swept: str,
        points: Literal["best", "all"],
        tables: str,
        **others: Any,
    ) -> None:
        from lm_eval_iberian.report import BestRule, SweepView, score_name

        names = {"language": language_score, "following": following}
        given = {name: score_name(text) for name, text in names.items() if text}
        rule, of = BestRule(best_by, **given), tuple(map(score_name, columns))
        view = SweepView(rule, of, swept, points, alone=tables == "sweep")
        command(view=view, **others)

    return with_view
