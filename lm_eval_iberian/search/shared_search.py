"""One search by several processes, on whichever nodes, that share its folder alone.

Each goes from round to round as one that is alone does, and comes to the same, by what
is written down. A candidate is raced by whoever has claimed it; the others take what
nobody is at, and wait until all of the round can be read. A killed process keeps no
claim: what it was at is gone on with by another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from lm_eval_iberian.search.candidate_evaluation import CandidateEvaluation
from lm_eval_iberian.search.candidate_race import NotDoneError, Race, Raced
from lm_eval_iberian.search.front_report import (
    FrontReport,
    front_report,
    write_report,
)
from lm_eval_iberian.search.proposals import Proposals
from lm_eval_iberian.search.search_folder import INSTRUCT, SearchFolder
from lm_eval_iberian.search.search_plan import SearchPlan, begin_search
from lm_eval_iberian.search.search_rounds import Start, search


# seconds between two looks at what others are at
POLL = 1.0
# who has written nothing for so long is dead, though its claim is there: the locks of a
# node that is lost may outlive it
SILENCE = 2 * 3600.0
# what the one has claimed that writes the journal and what came of it
_REPORT = "report"
_T = TypeVar("_T")


class SharedWork:
    """Has things done that other processes do as well, each of them by one.

    Args:
        folder: What they share.
    """

    def __init__(self, folder: SearchFolder) -> None:
        self._folder = folder
        # how much was written of a candidate, and when that was first seen
        self._seen: dict[str, tuple[int, float]] = {}

    def do(self, names: Sequence[str], work: Callable[[str], _T]) -> list[_T]:
        """Return what comes of each, whoever has done it.

        Args:
            names: The names of candidates.
            work: Does one, or reads what others have written down of it.
        """
        found: dict[str, _T] = {}
        while True:
            for name in names:
                if name in found:
                    continue
                with ExitStack() as claim:
                    try:
                        claim.enter_context(self._folder.claimed(name))
                    except BlockingIOError:
                        if not self._is_silent(name):
                            continue
                    found[name] = work(name)
            if len(found) == len(names):
                return [found[name] for name in names]
            time.sleep(POLL)

    def _is_silent(self, name: str) -> bool:
        """Whether who is at a candidate has written nothing for long."""
        written, now = self._folder.written(name), time.monotonic()
        before, since = self._seen.get(name, (-1, now))
        if written != before:
            self._seen[name] = (written, now)
            return False
        return now - since > SILENCE


class _Lead:
    """The claim to write the journal and the report, from when it could be had."""

    def __init__(
        self, folder: SearchFolder, proposals: Proposals, kept: ExitStack
    ) -> None:
        self._folder, self._proposals, self._kept = folder, proposals, kept
        self._mine = False

    def is_mine(self) -> bool:
        """Whether it is this process's; it is asked for if not."""
        if not self._mine:
            try:
                self._kept.enter_context(self._folder.claimed(_REPORT))
            except BlockingIOError:
                return False
            self._mine = True
            self._proposals.keep_journal(self._folder.journal)
        return self._mine


def search_with_others(
    plan: SearchPlan,
    folder: SearchFolder,
    evaluation: CandidateEvaluation,
    watch: Callable[[Raced, dict[str, Any]], None],
) -> FrontReport | None:
    """Search, sharing the work with all who do the same at this time.

    Args:
        plan: What is searched.
        folder: Its folder.
        evaluation: Has candidates do items.
        watch: Told of every candidate, in their order.

    Returns:
        What came of it, written down; ``None`` where another process writes it.
    """
    shared = SharedWork(folder)
    (split,) = shared.do(["split"], lambda name: begin_search(plan, folder, evaluation))
    with ExitStack() as kept:
        (race,) = shared.do(
            [INSTRUCT], lambda name: Race(plan, folder, split, evaluation)
        )
        proposals = Proposals(plan.space, plan.settings)
        lead = _Lead(folder, proposals, kept)

        def run(starts: Sequence[Start]) -> list[Raced]:
            lead.is_mine()
            fronts = dict(starts)
            return shared.do(list(fronts), lambda name: race.run(name, fronts[name]))

        found = search(plan, race, proposals, run, watch)
        front = (one.name for one in found.front(plan.settings))
        shared.do(list(dict.fromkeys((INSTRUCT, *front))), race.do_held_out)
        if not lead.is_mine():
            return None
        report = front_report(plan, race, found, split)
        write_report(plan, folder, report)
        return report


def look_up(plan: SearchPlan, folder: SearchFolder) -> tuple[int, FrontReport | None]:
    """Return how many candidates are through, and what came of all if they are.

    Nothing is evaluated: what is written down says it.

    Raises:
        DataError: It cannot go on; see ``search``.
    """
    split, through = folder.split(), 0
    if split is None:
        return 0, None

    def run(starts: Sequence[Start]) -> list[Raced]:
        nonlocal through
        found, lacking = [], None
        for name, front in starts:
            try:
                found.append(race.run(name, front))
            except NotDoneError as error:
                lacking = error
        through += len(found)
        if lacking is not None:
            raise lacking
        return found

    try:
        race = Race(plan, folder, split)
        found = search(plan, race, Proposals(plan.space, plan.settings), run)
        return through, front_report(plan, race, found, split)
    except NotDoneError:
        return through, None
