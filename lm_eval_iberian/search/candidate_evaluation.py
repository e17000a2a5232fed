"""Has a candidate do items: one merge in memory, asked as often as it is looked at."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.harness.evaluation import TaskEvaluation
from lm_eval_iberian.search.candidate_items import ItemRow, check_values, item_rows
from lm_eval_iberian.search.item_split import SplitItem
from lm_eval_iberian.sweep.cell_evaluation import logged, models_kept_for
from lm_eval_iberian.sweep.model_state import check_unchanged
from lm_eval_iberian.sweep.sweep_cell import SweepCell


Items = Mapping[str, Sequence[SplitItem]]
# of these it is the machine that failed, and another attempt may not
_OF_THE_MACHINE = ("OutOfMemoryError", "MemoryError", "SweepMemoryError")


class CandidateError(IberianError, RuntimeError):
    """A candidate cannot be merged or evaluated, however often it is tried."""


class CandidateEvaluation:
    """Evaluates candidates one after another, and keeps what they share.

    Args:
        cells: Cells of some merges and of the instructed model: of which models merges
            are, and which tasks there are.
        settings: What holds for all; see ``SweepPlan.settings``.
        log: Where lm-eval's own words go.
    """

    def __init__(
        self, cells: Sequence[SweepCell], settings: Mapping[str, Any], log: Path
    ) -> None:
        self._cells, self._settings, self._log = cells, settings, log
        self._tasks: TaskEvaluation | None = None
        self._kept: Any = None

    def __enter__(self) -> CandidateEvaluation:
        return self

    def __exit__(self, *given: object) -> None:
        if self._kept is not None:
            self._kept.close()

    def documents(self, tasks: Sequence[str]) -> dict[str, list[Any]]:
        """Return the documents of every single task that names stand for.

        Raises:
            IberianError: One cannot be built.
        """
        with logged(self._log):
            return self._evaluation.documents(tasks)

    @property
    def _evaluation(self) -> TaskEvaluation:
        if self._tasks is None:
            names = {task: None for cell in self._cells for task in cell.tasks}
            self._tasks = TaskEvaluation(list(names), self._settings["include_path"])
        return self._tasks

    @contextmanager
    def model(
        self, cells: Sequence[SweepCell], recipe: Path
    ) -> Iterator[CandidateModel]:
        """Give a model that can be asked.

        Args:
            cells: Its cells, one for each set of tasks.
            recipe: Where its recipe is; of a model that is no merge there is none.

        Raises:
            DataError: A model is not what it was when the search began.
            CandidateError: It cannot be merged.
        """
        from lm_eval_iberian.harness.kept_models import kept_models

        for cell in cells[:1]:
            check_unchanged(cell, self._settings["models"])
        if self._kept is None:
            self._kept = models_kept_for(self._cells, self._settings)
        model = CandidateModel(
            cells, recipe, self._evaluation, self._settings, self._log
        )
        with kept_models(self._kept):
            try:
                yield model
            finally:
                model.let_go()
                gc.collect()  # a model that is in a circle is memory


class CandidateModel:
    """A model that is loaded when it is first asked.

    Args:
        cells: Its cells.
        recipe: Its recipe.
        tasks: Evaluates it.
        settings: What holds for all.
        log: Where lm-eval's own words go.
    """

    def __init__(
        self,
        cells: Sequence[SweepCell],
        recipe: Path,
        tasks: TaskEvaluation,
        settings: Mapping[str, Any],
        log: Path,
    ) -> None:
        self._cells, self._tasks, self._settings = cells, tasks, settings
        self._log, self._model = log, None
        self._arguments = _arguments(cells[0], recipe, settings)

    def rows(self, items: Items) -> dict[str, list[ItemRow]]:
        """Return what it does on items.

        Raises:
            CandidateError: It cannot be merged or evaluated.
        """
        found: dict[str, list[ItemRow]] = {}
        with logged(self._log), _in_words(self._cells[0].model):
            for cell in self._cells:
                leaves = [one.name for one in self._tasks.leaves(cell.tasks)]
                wanted = {
                    task: [one.doc for one in items[task]]
                    for task in leaves
                    if items.get(task)
                }
                if not wanted:
                    continue
                if self._model is None:
                    self._model = self._tasks.loaded(
                        self._settings["model_type"], self._arguments, cell.options
                    )
                samples = self._tasks.answers(
                    self._model, self._arguments, cell.options, wanted
                )
                for task in wanted:
                    found[task] = item_rows(samples[task], task, items[task])
                    _check(self._cells[0].model, task, found[task])
        lacking = items.keys() - found.keys()
        if lacking:
            raise DataError(f"no cell has the task {sorted(lacking)[0]}")
        return found

    def let_go(self) -> None:
        """Keep nothing of it."""
        self._model = None


def _check(name: str, task: str, rows: Sequence[ItemRow]) -> None:
    try:
        check_values(name, task, rows)
    except DataError as error:  # weights far out: what it computes is no number
        raise CandidateError(str(error)) from error


def _arguments(
    cell: SweepCell, recipe: Path, settings: Mapping[str, Any]
) -> dict[str, Any]:
    more = dict(settings["model_args"])
    if cell.recipe is None:
        name, _, revision = cell.pretrained.partition("@")
        if Path(cell.pretrained).is_dir():
            return {"pretrained": cell.pretrained, **more}
        return {
            "pretrained": name,
            **({"revision": revision} if revision else {}),
            **more,
        }
    seed = {} if cell.merge_seed is None else {"merge_seed": cell.merge_seed}
    return {"recipe": str(recipe.absolute()), "model": cell.model, **seed, **more}


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    """Make what a candidate is to blame for an error of it."""
    try:
        yield
    except (OSError, DataError, CandidateError):
        raise
    except Exception as error:
        if type(error).__name__ in _OF_THE_MACHINE:
            raise
        text = str(error) if isinstance(error, IberianError) else repr(error)
        raise CandidateError(f"{name}: {text}") from error
