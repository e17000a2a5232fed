"""One candidate's race: look after look, until it is stopped or has done all items."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.candidate_evaluation import (
    CandidateError,
    CandidateEvaluation,
    CandidateModel,
)
from lm_eval_iberian.search.candidate_items import CandidateItems, ItemRow
from lm_eval_iberian.search.item_split import Split, SplitItem, looks_of
from lm_eval_iberian.search.racing import Standing, Stop, judge, standing
from lm_eval_iberian.search.search_folder import INSTRUCT, Rows, SearchFolder
from lm_eval_iberian.search.search_plan import SearchPlan
from lm_eval_iberian.sweep.sweep_cell import SweepCell


class NotDoneError(DataError):
    """Something has not been done yet, and nobody is to do it."""


@dataclass(frozen=True)
class Raced:
    """What became of a candidate.

    Attributes:
        name: Its name.
        items: What it did.
        stop: Why it was stopped; ``None`` if it did all of its items.
        standing: How it stands against the instructed model.
        failure: Why it could not be evaluated; there is no standing then.
    """

    name: str
    items: CandidateItems
    stop: Stop | None = None
    standing: Standing | None = None
    failure: str = ""

    @property
    def through(self) -> bool:
        """Whether it did all items."""
        return self.stop is None and self.standing is not None

    @property
    def point(self) -> tuple[float, float]:
        """What it has gained, and how much better it follows instructions."""
        if self.standing is None:
            raise DataError(f"{self.name} could not be evaluated: {self.failure}")
        return self.standing.gain.difference, self.standing.instructions.difference


class Race:
    """Races candidates of a search.

    Args:
        plan: What is searched.
        folder: Where everything is written down, and looked up first.
        split: The items.
        evaluation: Has candidates do items; left out, only what is written down counts.
    """

    def __init__(
        self,
        plan: SearchPlan,
        folder: SearchFolder,
        split: Split,
        evaluation: CandidateEvaluation | None = None,
    ) -> None:
        self._plan, self._folder, self._split = plan, folder, split
        self._evaluation = evaluation
        self._looks = looks_of(split, plan.settings.first_look)
        self._known: dict[str, CandidateItems] = {}
        items = self._all_looks(INSTRUCT, list(plan.instruct))
        own = standing(items, items, plan.tasks)
        self.instruct = Raced(INSTRUCT, items, None, own)
        self._known[INSTRUCT] = items

    @property
    def whole(self) -> int:
        """How many items a candidate has that is not stopped."""
        return sum(len(one.development) for one in self._split.values())

    def propose(self, name: str, values: Mapping[str, Any]) -> None:
        """Write down a candidate and its recipe.

        Raises:
            DataError: Another one was proposed when the search began.
        """
        before = self._folder.proposed(name)
        if before is None:
            recipe = self.cells(name, values)[0].recipe
            self._folder.note_proposed(name, values, recipe)
        elif before != dict(values):
            then = self._folder.content.get("versions", {}).get("optuna")
            raise DataError(
                f"the candidate {name} is another one than when the search began, with"
                f" optuna {then}: what is proposed depends on its version. Go on with"
                " that one, or search in another folder"
            )

    def cells(self, name: str, values: Mapping[str, Any]) -> list[SweepCell]:
        """Return the evaluations of a candidate."""
        return self._plan.space.cells(values, f"candidate-{name}")

    def run(self, name: str, front: Sequence[str]) -> Raced:
        """Race a candidate that was proposed.

        Args:
            name: Its name.
            front: The names of the models that nobody beats, the highest gain first.

        Raises:
            NotDoneError: It is not known what it did, and nobody is to do it.
        """
        failure = self._folder.failure(name)
        done = CandidateItems(name)
        if failure is not None:
            return Raced(name, done, failure=failure)
        values = self._folder.proposed(name)
        if values is None:
            raise DataError(f"{self._folder.path}: no candidate {name} was proposed")
        try:
            stop = self._race(name, self.cells(name, values), front, done)
        except CandidateError as error:
            failure = self._folder.note_failure(name, str(error))
            return Raced(name, CandidateItems(name), failure=failure)
        self._known[name] = done
        own = standing(done, self.instruct.items, self._plan.tasks)
        return Raced(name, done, stop, own)

    def _race(
        self,
        name: str,
        cells: Sequence[SweepCell],
        front: Sequence[str],
        done: CandidateItems,
    ) -> Stop | None:
        against = [self._items(one) for one in front]
        stops = len(self._looks) - 1
        with _AskedModel(self._evaluation, cells, self._folder, name) as model:
            for at, look in enumerate(self._looks):
                _add(done, self._look(name, at, look, model))
                if at < stops:
                    stop = judge(
                        done, self.instruct.items, against, self._plan.tasks,
                        self._plan.settings, stops,
                    )  # fmt: skip
                    if stop is not None:
                        return stop
        return None

    def _items(self, name: str) -> CandidateItems:
        """Return what a model of the front did: all items."""
        if name not in self._known:
            self._known[name] = self._all_looks(name, [])
        return self._known[name]

    def _all_looks(self, name: str, cells: Sequence[SweepCell]) -> CandidateItems:
        done = CandidateItems(name)
        with _AskedModel(self._evaluation, cells, self._folder, name) as model:
            for at, look in enumerate(self._looks):
                _add(done, self._look(name, at, look, model))
        return done

    def _look(
        self,
        name: str,
        at: int,
        look: Mapping[str, Sequence[SplitItem]],
        model: _AskedModel,
    ) -> Rows:
        rows = self._folder.look(name, at)
        if rows is None:
            begun = time.monotonic()
            rows = model.rows(look)
            took = time.monotonic() - begun
            rows = self._folder.note_look(name, at, rows, took)
        for task, items in look.items():
            if [row.key for row in rows.get(task, ())] != [one.key for one in items]:
                raise DataError(
                    f"{self._folder.place(name)}: look {at} has other items of {task}"
                    " than the split says; it was changed, or is of another search"
                )
        return rows

    def do_held_out(self, name: str) -> CandidateItems:
        """Return what a model does on the items that are held out."""
        rows = self._folder.held_out(name)
        if rows is None:
            if name == INSTRUCT:
                cells = list(self._plan.instruct)
            else:
                cells = self.cells(name, self._folder.proposed(name) or {})
            items = {task: one.held_out for task, one in self._split.items()}
            begun = time.monotonic()
            with _AskedModel(self._evaluation, cells, self._folder, name) as model:
                rows = model.rows(items)
            took = time.monotonic() - begun
            rows = self._folder.note_held_out(name, rows, took)
        done = CandidateItems(name)
        _add(done, rows)
        return done


class _AskedModel:
    """A model that is merged when something is asked that is not written down."""

    def __init__(
        self,
        evaluation: CandidateEvaluation | None,
        cells: Sequence[SweepCell],
        folder: SearchFolder,
        name: str,
    ) -> None:
        self._evaluation, self._cells = evaluation, cells
        self._folder, self._name = folder, name
        self._open: Any = None
        self._model: CandidateModel | None = None

    def __enter__(self) -> _AskedModel:
        return self

    def __exit__(self, *given: object) -> None:
        if self._open is not None:
            self._open.__exit__(*given)

    def rows(
        self, items: Mapping[str, Sequence[SplitItem]]
    ) -> dict[str, list[ItemRow]]:
        if self._model is None:
            if self._evaluation is None or not self._cells:
                raise NotDoneError(
                    f"{self._folder.place(self._name)} does not hold what"
                    f" {self._name} did; the same command does it"
                )
            opened = self._evaluation.model(
                self._cells, self._folder.recipe(self._name)
            )
            self._model = opened.__enter__()
            self._open = opened
        return self._model.rows(items)


def _add(done: CandidateItems, rows: Rows) -> None:
    for task, some in rows.items():
        done.add(task, some)
