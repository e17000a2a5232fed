"""From one round of candidates to the next, until there have been enough.

A round's candidates are proposed before any of them is known, and raced against the
front as it was then: what comes of a search does not depend on how many are evaluated
side by side, nor on which is done first. Everything is looked up in the folder before
it is done: a search that was killed goes on where it was, and comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.candidate_race import Race, Raced
from lm_eval_iberian.search.pareto_front import nobody_beats
from lm_eval_iberian.search.proposals import Proposals, Told
from lm_eval_iberian.search.search_plan import SearchPlan
from lm_eval_iberian.search.search_spec import SearchSettings


# so many in a row that could not be evaluated are no accident
_FAILURES = 5
# a candidate, and the names of the models of the front
Start: TypeAlias = "tuple[str, list[str]]"
Run = Callable[[Sequence[Start]], Sequence[Raced]]


@dataclass
class Searched:
    """What a search has come to.

    Attributes:
        instruct: The instructed model.
        raced: Every candidate, in the order of their numbers.
        values: What was drawn for each.
    """

    instruct: Raced
    raced: list[Raced] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)

    @property
    def spent(self) -> int:
        """How many items were done, the instructed model's too."""
        return sum(one.items.count for one in (self.instruct, *self.raced))

    def front(self, settings: SearchSettings) -> list[Raced]:
        """Return the models that nobody beats, the highest gain first.

        They have done all items and keep the rules, by the estimates; the instructed
        model is one of them as long as nothing beats it.
        """
        through = [
            one
            for one in (self.instruct, *self.raced)
            if one.through and one.standing is not None and one.standing.keeps(settings)
        ]
        points = [one.point for one in through]
        return [through[at] for at in nobody_beats(points)]


def candidate_name(number: int) -> str:
    """Return what a candidate is called, in the folder and wherever it is shown."""
    return f"{number:04d}"


def search(
    plan: SearchPlan,
    race: Race,
    proposals: Proposals,
    run: Run,
    watch: Callable[[Raced, dict[str, Any]], None] = lambda one, values: None,
) -> Searched:
    """Go from round to round, until there are enough candidates or items.

    Args:
        plan: What is searched.
        race: Races candidates.
        proposals: Who proposes them; nothing has been asked of it yet.
        run: Has candidates raced, in any order, and returns them in that given.
        watch: Told of every candidate, in their order.

    Raises:
        DataError: What is proposed is not what was when the search began, or one
            candidate after the other cannot be evaluated.
    """
    settings = plan.settings
    found = Searched(race.instruct)
    while len(found.raced) < settings.candidates:
        if settings.items is not None and found.spent >= settings.items:
            break
        first = len(found.raced)
        numbers = range(first, min(first + settings.at_once, settings.candidates))
        front = [one.name for one in found.front(settings)]
        starts: list[Start] = []
        for number in numbers:
            values = proposals.ask(number)
            race.propose(candidate_name(number), values)
            found.values.append(values)
            starts.append((candidate_name(number), front))
        for number, one in zip(numbers, run(starts), strict=True):
            found.raced.append(one)
            proposals.tell(number, _told(one, settings))
            watch(one, found.values[number])
        _check_failures(found.raced)
    return found


def _told(one: Raced, settings: SearchSettings) -> Told | None:
    if one.standing is None:
        return None
    return Told(*one.point, one.standing.violations(settings))


def _check_failures(raced: Sequence[Raced]) -> None:
    last = [one.failure for one in raced[-_FAILURES:]]
    if len(last) == _FAILURES and all(last):
        raise DataError(
            f"{_FAILURES} candidates in a row could not be evaluated, the last:"
            f" {last[-1]}"
        )
