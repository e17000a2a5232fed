"""What a language gained against what was kept of instructions: data of a Pareto front.

Everything is held against the instructed model: to the right a language's score is
better than its, above more of the instructions are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lm_eval_iberian.pictures.weight_curves import CurveAxis
from lm_eval_iberian.stats import Difference
from lm_eval_iberian.terminal import first_of


_NAMED = 4


@dataclass(frozen=True)
class TradeoffPoint:
    """A model against the instructed one.

    Args:
        name: What it is called.
        series: What it looks like; empty of a model that is no merge.
        role: ``base`` or ``expert`` of a model that is no merge.
        gained: How the language's score differs.
        kept: How the score of instruction following does.
        front: Whether no other merge is better in both.
    """

    name: str
    series: str
    role: str
    gained: Difference
    kept: Difference
    front: bool = False


@dataclass(frozen=True)
class TradeoffPanel:
    """A language: what it is called, and its points."""

    title: str
    points: tuple[TradeoffPoint, ...]


@dataclass(frozen=True)
class Tradeoff:
    """All of the picture.

    Args:
        panels: The languages.
        language: What stands to the right.
        following: What stands upright.
        baseline: The instructed model.
        left_out: Models that cannot be compared with it, each with the reason.
    """

    panels: tuple[TradeoffPanel, ...]
    language: CurveAxis
    following: CurveAxis
    baseline: str
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def caption(self) -> str:
        """What a reader must know."""
        every = [one for panel in self.panels for one in panel.points]
        differences = [d for one in every for d in (one.gained, one.kept)]
        known = [one for one in differences if one.low is not None]
        if not known:
            bars = "No intervals: no standard error is known."
        elif all(one.paired for one in known):
            bars = "Bars are 95 % intervals of the differences, paired by item."
        elif not any(one.paired for one in known):
            bars = (
                "Bars are 95 % intervals of stored standard errors, not paired by item,"
                " and wider for that."
            )
        else:
            bars = (
                "Bars are 95 % intervals of the differences, some of them of stored"
                " standard errors, not paired by item."
            )
        return (
            f"How {self.language.title} and {self.following.title} differ from those of"
            f" {self.baseline}. Filled: the front, merges that no other merge is better"
            f" than in both; the line is what they reach. {bars}{self._lacking}"
        )

    @property
    def _lacking(self) -> str:
        if not self.left_out:
            return ""
        names = list(dict.fromkeys(name for name, _ in self.left_out))
        return (
            f" Not shown, for they cannot be compared with {self.baseline}:"
            f" {first_of(names, _NAMED)}."
        )


def with_front(
    points: Sequence[TradeoffPoint],
    less_gained: bool = False,
    less_kept: bool = False,
) -> Iterator[TradeoffPoint]:
    """Yield points, told whether they are on the front; only merges can be.

    Args:
        points: The points.
        less_gained: Whether less of the language's score is better.
        less_kept: Whether less of the other is.
    """

    def worth(one: TradeoffPoint) -> tuple[float, float]:
        gained, kept = one.gained.difference, one.kept.difference
        return (-gained if less_gained else gained), (-kept if less_kept else kept)

    merges = [worth(one) for one in points if one.series]
    for one in points:
        mine = worth(one)
        better = any(
            other != mine and other[0] >= mine[0] and other[1] >= mine[1]
            for other in merges
        )
        yield replace(one, front=bool(one.series) and not better)
