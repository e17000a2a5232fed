"""When candidates are stopped: how often wrongly, how early rightly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from made_up_items import LOSSES, TASKS, drawn, first, generator, model, reader

from lm_eval_iberian.search.candidate_items import CandidateItems
from lm_eval_iberian.search.racing import RaceTasks, Stop, judge, standing
from lm_eval_iberian.search.search_spec import SearchSettings


LOOKS = (8, 16, 32, 64, 128)
LEVEL = 0.1
# the rules of instructions are looser than anything here
LOOSE = SearchSettings(level=LEVEL, delta=100.0, no_stop=100.0, run_on=100.0)
RACES = 200


def race(
    candidate: CandidateItems,
    instruct: CandidateItems,
    front: Sequence[CandidateItems],
    tasks: RaceTasks = TASKS,
    settings: SearchSettings = LOOSE,
) -> tuple[int, Stop | None]:
    """Return at how many items of each task a candidate is stopped, and why."""
    for count in LOOKS:
        stop = judge(
            first(candidate, count), instruct, front, tasks, settings, len(LOOKS)
        )
        if stop is not None:
            return count, stop
    return LOOKS[-1], None


def acc(name: str, key: Sequence[int], better: float) -> CandidateItems:
    return drawn(name, key, LOOKS[-1], 0.5 + better)


def losses(name: str, key: Sequence[int], better: float) -> CandidateItems:
    return reader(name, key, LOOKS[-1], better)


def stopped(
    make: Callable[[str, Sequence[int], float], CandidateItems],
    tasks: RaceTasks,
    better: float,
    settings: SearchSettings = LOOSE,
) -> tuple[float, float]:
    """Return how many are stopped of candidates that are so much better than theirs.

    Each is held against an incumbent of its own that follows all instructions, so that
    the gain alone decides.
    """
    found = []
    for number in range(RACES):
        incumbent = make("incumbent", (number, 0), 0.0)
        for key, row in list(incumbent.rows["kept"].items()):
            values = {**row.values, "inst_level_strict_acc": [True]}
            incumbent.rows["kept"][key] = replace(row, values=values)
        instruct = make("instruct", (number, 1), 0.0)
        candidate = make("candidate", (number, 2), better)
        found.append(race(candidate, instruct, [incumbent], tasks, settings))
    share = sum(stop is not None for _, stop in found) / RACES
    return share, float(np.mean([count for count, _ in found]))


@pytest.mark.slow
@pytest.mark.parametrize(("make", "tasks"), [(acc, TASKS), (losses, LOSSES)])
def test_one_as_good_as_its_incumbent_is_rarely_stopped(
    make: Callable[[str, Sequence[int], float], CandidateItems], tasks: RaceTasks
) -> None:
    share, _ = stopped(make, tasks, 0.0)
    error = (LEVEL * (1 - LEVEL) / RACES) ** 0.5
    assert 0 < share <= LEVEL + 2 * error
    # who looks as often without spending the level stops more than that
    naive, _ = stopped(make, tasks, 0.0, replace(LOOSE, level=LEVEL * len(LOOKS)))
    assert naive > LEVEL + 2 * error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "tasks", "worse"), [(acc, TASKS, -0.3), (losses, LOSSES, -0.03)]
)
def test_one_that_is_behind_is_stopped_early(
    make: Callable[[str, Sequence[int], float], CandidateItems],
    tasks: RaceTasks,
    worse: float,
) -> None:
    share, items = stopped(make, tasks, worse)
    assert share > 0.95
    assert items < LOOKS[-1] / 2


def right(count: int, of: int = 64) -> list[bool]:
    return [at % of < count for at in range(of)]


def shuffled(key: int, count: int, of: int = 64) -> list[bool]:
    return [bool(one) for one in generator(9, key).permutation(right(count, of))]


def test_it_is_held_against_the_best_that_follows_as_many_instructions() -> None:
    instruct = model("instruct", right(10), shuffled(1, 50))
    good = model("good", right(60), shuffled(2, 30))
    fair = model("fair", right(40), shuffled(3, 45))
    candidate = model("candidate", right(12), shuffled(4, 40))
    front = [good, fair, instruct]
    settings = replace(LOOSE, delta=50.0)
    # it follows more than `good` does, and less than `fair`
    stop = judge(candidate, instruct, front, TASKS, settings, 4)
    assert stop == Stop("behind", "fair")
    better = model("candidate", right(12), shuffled(4, 60))
    assert judge(better, instruct, front, TASKS, settings, 4) is None
    ahead = model("candidate", right(62), shuffled(4, 20))
    assert judge(ahead, instruct, front, TASKS, settings, 4) is None


@pytest.mark.parametrize(
    ("kept", "delta", "stops"),
    [(20, 2.0, True), (20, 60.0, False), (46, 2.0, False), (64, 0.0, False)],
)
def test_instructions_that_are_surely_lost(
    kept: int, delta: float, stops: bool
) -> None:
    instruct = model("instruct", right(10), shuffled(1, 50))
    candidate = model("candidate", right(60), shuffled(2, kept))
    settings = replace(LOOSE, delta=delta)
    stop = judge(candidate, instruct, [instruct], TASKS, settings, 4)
    assert stop == (Stop("instructions", "instruct") if stops else None)


@pytest.mark.parametrize(
    ("cut", "slack", "stops"), [(40, 5.0, True), (40, 90.0, False), (5, 5.0, False)]
)
def test_answers_that_surely_do_not_stop(cut: int, slack: float, stops: bool) -> None:
    instruct = model("instruct", right(10), right(50), right(0))
    candidate = model("candidate", right(60), right(50), shuffled(3, cut))
    settings = replace(LOOSE, no_stop=slack)
    stop = judge(candidate, instruct, [instruct], TASKS, settings, 4)
    assert stop == (Stop("no_stop", "instruct") if stops else None)


def test_a_shift_is_a_test_against_that_difference() -> None:
    """With the interval's own end as delta, p is what the interval excludes."""
    instruct = model("instruct", right(10), shuffled(1, 50))
    candidate = model("candidate", right(60), shuffled(2, 30))
    found = standing(candidate, instruct, TASKS).instructions
    assert found.high is not None
    assert found.high < 0
    at_the_end = replace(LOOSE, level=0.025, delta=-found.high)
    inside, outside = (
        judge(candidate, instruct, [], TASKS, replace(at_the_end, delta=delta), 1)
        for delta in (-found.high + 0.01, -found.high - 0.01)
    )
    assert (inside, outside) == (None, Stop("instructions", "instruct"))


def test_rules_are_kept_by_the_estimates() -> None:
    instruct = model("instruct", right(10), right(50), right(0))
    candidate = model("candidate", right(60), right(48), right(4))
    found = standing(candidate, instruct, TASKS)
    settings = SearchSettings(delta=4.0, no_stop=7.0)
    assert found.violations(settings) == {
        "instructions": pytest.approx(-4.0 + 100 * 2 / 64),
        "no_stop": pytest.approx(100 * 4 / 64 - 7.0),
        "run_on": -5.0,
    }
    assert found.keeps(settings)
    assert not found.keeps(replace(settings, delta=3.0))
    assert not found.keeps(replace(settings, no_stop=6.0))
