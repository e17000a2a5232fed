"""When a candidate is stopped: as soon as it is surely behind, or surely breaks a rule.

A candidate does its items in batches, and after each it is looked at. It is held
against its *incumbent*: of the models of the front, the one with the highest gain among
those that follow as many instructions as it does, on the items that it has done. It is
stopped when the paired interval of the difference of their gains lies below 0.

Who looks often finds something by chance once. Here the probability ``level`` is spent
evenly over the looks that may stop a candidate, one-sided: with ``n`` of them an
interval excludes ``level / n`` at its end. The chance that a candidate whose gain is
its incumbent's is stopped at any of them is no more than their sum, ``level``, however
the looks depend on each other (Bonferroni's bound). The same holds for each rule: that
instruction following is not worse than the instructed model's by more than ``delta``
points, and that not more answers are cut off or run on.

The bound is of a candidate and a model that it is held against, both as they are. An
incumbent was chosen because it did well on these items, and on them it did a little
better than it is: against the best of many a candidate that is as good is stopped more
often. What that comes to is measured in docs/searching.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_iberian.search.candidate_differences import gain, metric_difference
from lm_eval_iberian.search.candidate_items import HEALTH, CandidateItems, has_metric
from lm_eval_iberian.search.search_spec import SearchSettings
from lm_eval_iberian.stats import Difference


@dataclass(frozen=True)
class RaceTasks:
    """The tasks of a race, each a single one.

    Attributes:
        language: What is gained.
        instructions: What is kept.
    """

    language: tuple[str, ...]
    instructions: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How a candidate stands, on the items that it has done.

    Attributes:
        gain: What it has gained over the instructed model.
        instructions: How much better it follows instructions.
        health: ``no_stop`` and ``run_on`` to how many points more it has; of each that
            the tasks tell.
    """

    gain: Difference
    instructions: Difference
    health: dict[str, Difference]

    def violations(self, settings: SearchSettings) -> dict[str, float]:
        """Return by how many points each rule is broken; kept ones are not above 0."""
        found = {"instructions": -settings.delta - self.instructions.difference}
        for name, one in self.health.items():
            found[name] = one.difference - float(getattr(settings, name))
        return found

    def keeps(self, settings: SearchSettings) -> bool:
        """Whether no rule is broken, by the estimates."""
        return all(one <= 0 for one in self.violations(settings).values())


def standing(
    candidate: CandidateItems, instruct: CandidateItems, tasks: RaceTasks
) -> Standing:
    """Return how a candidate stands against the instructed model."""
    return Standing(
        gain(instruct, candidate, instruct, tasks.language),
        metric_difference(instruct, candidate, tasks.instructions),
        {
            name: metric_difference(instruct, candidate, told, metric)
            for name, metric in HEALTH.items()
            if (told := _telling(instruct, tasks, metric))
        },
    )


def _telling(
    instruct: CandidateItems, tasks: RaceTasks, metric: str
) -> tuple[str, ...]:
    return tuple(t for t in tasks.instructions if has_metric(instruct, t, metric))


@dataclass(frozen=True)
class Stop:
    """Why a candidate is stopped.

    Attributes:
        why: ``behind``, or the rule that it breaks.
        against: Whom it is behind.
    """

    why: str
    against: str


def judge(
    candidate: CandidateItems,
    instruct: CandidateItems,
    front: Sequence[CandidateItems],
    tasks: RaceTasks,
    settings: SearchSettings,
    looks: int,
) -> Stop | None:
    """Return why a candidate is to be stopped now; ``None`` if it is to go on.

    Args:
        candidate: What it has done so far.
        instruct: The instructed model, on at least these items.
        front: The models that nobody beats, the highest gain first, on at least these.
        tasks: The tasks.
        settings: The level and the rules.
        looks: How many looks there are that may stop it.
    """
    share = settings.level / looks
    incumbent = next(
        (
            one
            for one in front
            if metric_difference(one, candidate, tasks.instructions).difference <= 0
        ),
        None,
    )
    if incumbent is not None and _surely_below(
        gain(incumbent, candidate, instruct, tasks.language), share
    ):
        return Stop("behind", incumbent.name)
    kept = metric_difference(
        instruct, candidate, tasks.instructions, plus=settings.delta
    )
    if _surely_below(kept, share):
        return Stop("instructions", instruct.name)
    for name, metric in HEALTH.items():
        if told := _telling(instruct, tasks, metric):
            slack = float(getattr(settings, name))
            # the candidate first: its rate is to be below the other's and the slack
            if _surely_below(
                metric_difference(candidate, instruct, told, metric, plus=slack), share
            ):
                return Stop(name, instruct.name)
    return None


def _surely_below(found: Difference, share: float) -> bool:
    """Whether the one-sided interval that excludes ``share`` lies below 0."""
    return found.p is not None and found.difference < 0 and found.p / 2 <= share
