"""Checks a search's specification against tasks and models, and begins its folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.harness.building import open_suites
from lm_eval_iberian.harness.leaves import resolve
from lm_eval_iberian.report.report_catalogue import load_catalogue
from lm_eval_iberian.search.candidate_evaluation import CandidateEvaluation
from lm_eval_iberian.search.item_split import Split, items_of, split_items
from lm_eval_iberian.search.proposals import import_optuna
from lm_eval_iberian.search.racing import RaceTasks
from lm_eval_iberian.search.search_folder import SearchFolder
from lm_eval_iberian.search.search_space import SearchSpace
from lm_eval_iberian.search.search_spec import (
    INSTRUCTIONS,
    LANGUAGE,
    SearchSettings,
    SearchSpec,
    read_search,
)
from lm_eval_iberian.sweep.cell_record import versions
from lm_eval_iberian.sweep.sweep_cell import SweepCell, canonical
from lm_eval_iberian.sweep.sweep_plan import SweepPlan, checked_plan


@dataclass(frozen=True)
class SearchPlan:
    """What a specification comes to.

    Attributes:
        spec: The specification.
        space: All merges that there may be.
        sweep: What a sweep of its corners would be, checked.
        instruct: The cells of the instructed model.
        tasks: The single tasks.
    """

    spec: SearchSpec
    space: SearchSpace
    sweep: SweepPlan
    instruct: tuple[SweepCell, ...]
    tasks: RaceTasks

    @property
    def settings(self) -> SearchSettings:
        """How the search goes on."""
        return self.spec.settings

    @property
    def digest(self) -> str:
        """What tells the search from others: all that its candidates depend on."""
        found = [self.sweep.digest, self.settings.as_data(), self._dimensions()]
        return hashlib.sha256(canonical(found).encode()).hexdigest()

    @property
    def content(self) -> dict[str, Any]:
        """What is recorded of it."""
        return {
            "file": str(Path(self.spec.sweep.place.file).absolute()),
            "versions": versions() | {"optuna": self._optuna},
            "settings": self.sweep.settings,
            "how": self.settings.as_data(),
            "dimensions": self._dimensions(),
            "tasks": {
                LANGUAGE: list(self.tasks.language),
                INSTRUCTIONS: list(self.tasks.instructions),
            },
        }

    @property
    def _optuna(self) -> str:
        return str(import_optuna(self.settings.sampler).__version__)

    def _dimensions(self) -> dict[str, Any]:
        return {
            label: {
                one.name: list(one.choices) or [*one.ends, one.step] for one in some
            }
            for label in self.space.methods
            for some in [self.space.names_of(label)]
        }


def make_search(path: Path, out: Path) -> SearchPlan:
    """Read a specification and check everything that can be told without weights.

    Args:
        path: The specification.
        out: Where the search is to be.

    Raises:
        IberianError: With what is wrong, and where.
    """
    spec = read_search(path)
    import_optuna(spec.settings.sampler)
    space = SearchSpace(spec)
    instruct = tuple(space.instruct())
    sweep = checked_plan(spec.sweep, [*instruct, *space.corners()], out)
    return SearchPlan(spec, space, sweep, instruct, _tasks(spec, instruct))


def _tasks(spec: SearchSpec, cells: Sequence[SweepCell]) -> RaceTasks:
    """Return the single tasks, each of which is for one thing.

    Raises:
        SweepSpecError: One is in two sets, or a group sets something of its own.
    """
    place = spec.sweep.place.value["suites"]
    include = [Path(spec.sweep.include_path)] if spec.sweep.include_path else []
    every = [name for cell in cells for name in cell.tasks]
    manager, _ = open_suites(every, include)
    found: dict[str, list[str]] = {LANGUAGE: [], INSTRUCTIONS: []}
    seen: dict[str, str] = {}
    for cell in cells:
        for leaf in resolve(manager.task_index, cell.tasks):
            if leaf.name in seen:
                raise place.fault(
                    f"the task {leaf.name} is in {seen[leaf.name]} and in {cell.suite}:"
                    " what is gained and what is kept must be told by different items"
                )
            if not isinstance(leaf.item, str):
                raise place.fault(
                    f"the task {leaf.name} has other settings in its group than alone;"
                    " name single tasks"
                )
            seen[leaf.name] = cell.suite
            found[cell.suite].append(leaf.name)
    return RaceTasks(tuple(found[LANGUAGE]), tuple(found[INSTRUCTIONS]))


def begin_search(
    plan: SearchPlan, folder: SearchFolder, evaluation: CandidateEvaluation
) -> Split:
    """Write down what is searched and how items are split, once.

    Returns:
        How items are split.

    Raises:
        DataError: The folder holds something else, or a task has too few items.
    """
    folder.begin(plan.content, plan.digest)
    found = folder.split()
    if found is not None:
        return found
    catalogue, settings = load_catalogue(), plan.settings
    tasks = (*plan.tasks.language, *plan.tasks.instructions)
    documents = evaluation.documents(tasks)
    split = {
        task: split_items(
            task,
            items_of(documents[task], task, catalogue),
            settings.split_seed,
            settings.development,
        )
        for task in tasks
    }
    for task, one in split.items():
        if {i.key for i in one.development} & {i.key for i in one.held_out}:
            raise DataError(f"{task}: an item would be on both sides")
    folder.note_split(split, settings.split_seed, settings.development)
    return split
