"""The curves of merge methods: what is asked of sweeps, and what was read of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.best_weight import FOLLOWING, LANGUAGE
from lm_eval_iberian.report.model_report import Note
from lm_eval_iberian.report.report_catalogue import Metric
from lm_eval_iberian.report.sweep_scores import ScoreName
from lm_eval_iberian.stats import ScoreDraws


@dataclass(frozen=True)
class FrontierAsked:
    """What is compared, and how.

    Args:
        language: The score of a language.
        following: The score of instruction following.
        at: The gains, in per cent of the expert's.
        swept: The parameter that is swept; left out, it is found.
        baseline: The method that all others are held against; left out, every two are
            compared.
        only: Names of methods; left out, all.
        allow_mixed: Go on where settings differ.
        keep_going: Go on without points that have no result, and say so.
        resamples: How many draws of items.
        key: What they are made of.
    """

    language: ScoreName = LANGUAGE
    following: ScoreName = FOLLOWING
    at: tuple[float, ...] = (25.0, 50.0, 75.0)
    swept: str = ""
    baseline: str = ""
    only: tuple[str, ...] = ()
    allow_mixed: bool = False
    keep_going: bool = False
    resamples: int = 10_000
    key: int = 1234

    def __post_init__(self) -> None:
        wrong = [one for one in self.at if not 0 < one < math.inf]
        if wrong or not self.at:
            found = f"{wrong[0]:g}" if wrong else "none"
            raise DataError(
                "the gains at which methods are compared are per cent of the expert's,"
                f" greater than 0, found {found}; at 0 all are the instructed model"
            )


@dataclass(frozen=True)
class SeedPoints:
    """A curve in one sweep, by the places of its models among those of the language.

    Args:
        values: Those of what is swept, ascending; 0 for the instructed model.
        places: The models.
    """

    values: tuple[float, ...]
    places: tuple[int, ...]


@dataclass(frozen=True)
class MethodCurve:
    """A method's curve, one for each sweep.

    Args:
        name: The method, and what tells it from others.
        parameter: What is swept.
        from_instruct: Whether it begins at the instructed model, at the weight 0.
        seeds: Its points, for each sweep.
    """

    name: str
    parameter: str
    from_instruct: bool
    seeds: tuple[SeedPoints, ...]

    @property
    def merges(self) -> int:
        """How many merges a sweep has of it, at least."""
        return min(len(one.places) for one in self.seeds) - self.from_instruct


@dataclass(frozen=True)
class MethodCurves:
    """The curves in a language, and the scores that they are made of.

    Args:
        lang: The language.
        curves: The curves.
        instructs: The instructed model of each sweep, by its place.
        experts: The expert of each sweep.
        language: The scores of the language, of every model.
        following: Those of instruction following; not of experts.
        language_metric: What the former are.
        following_metric: What the latter are.
    """

    lang: str
    curves: tuple[MethodCurve, ...]
    instructs: tuple[int, ...]
    experts: tuple[int, ...]
    language: ScoreDraws
    following: ScoreDraws
    language_metric: Metric
    following_metric: Metric


@dataclass(frozen=True)
class FrontierSweeps:
    """All that was read.

    Args:
        asked: What was asked for.
        languages: The curves of every language.
        sweeps: The folders of the sweeps.
        notes: What a reader must know.
        inputs: The files that were read.
    """

    asked: FrontierAsked
    languages: tuple[MethodCurves, ...]
    sweeps: tuple[Path, ...]
    notes: tuple[Note, ...]
    inputs: tuple[str, ...]
