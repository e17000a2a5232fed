"""How much a sweep has to do, before anything of it has been measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.harness.building import build
from lm_eval_iberian.harness.leaves import Leaf
from lm_eval_iberian.suites.lock import LOCK, read_lock
from lm_eval_iberian.suites.needs import need_of
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.tasks.benchmark_catalogue import benchmark


# a document's prompt with its examples and its answer: only to turn work into hours
_TOKENS, _SPEED = 1000, 100e12
# what samples of the shipped sets have for a document, results and record for a cell
_SAMPLE_BYTES, _CELL_BYTES = 4_000, 40_000


@dataclass(frozen=True)
class SweepWork:
    """What the cells of a sweep evaluate.

    Args:
        cells: How many there are.
        documents: How many documents of tasks whose number is known.
        unknown: The tasks of which it is not.
    """

    cells: int
    documents: int
    unknown: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """What results take, roughly."""
        return self.documents * _SAMPLE_BYTES + self.cells * _CELL_BYTES

    def sentences(self, parameters: int) -> list[str]:
        """Say what work it is, and what that comes to, roughly.

        Args:
            parameters: Those of the largest model; 0 where that is not known.
        """
        found = [f"work: {self.cells} cells, {self.documents:,} documents in all"]
        if self.unknown:
            found[0] += f"; not counted: {', '.join(self.unknown)}"
        if parameters and self.documents:
            operations = 2 * parameters * self.documents * _TOKENS
            found.append(
                f"hours: very roughly {operations / _SPEED / 3600:.2g} of a GPU that"
                f" keeps up {_SPEED / 1e12:.0f} TFLOP/s, at 2 operations for each of"
                f" {parameters / 1e9:.2g} B parameters and {_TOKENS} tokens a document;"
                " nothing is measured yet, and `iberian sweep status` tells the rest by"
                " cells that have ended"
            )
        return found


def documents_of(leaf: Leaf, manager: Any) -> int | None:
    """Return how many documents a task has, if that is known without fetching."""
    options = leaf.config.get("dataset_kwargs") or {}
    if options.get("which") == "mini":  # shipped
        return len(build(manager, leaf).eval_docs)
    try:
        entry = read_lock(LOCK).get(need_of(leaf).key)
    except IberianError:  # there is none
        entry = None
    split = leaf.config.get("test_split") or leaf.config.get("validation_split")
    if entry is not None and str(split) in entry.rows:
        return entry.rows[str(split)]
    try:
        return benchmark(options.get("dataset", ""), options.get("lang", "")).rows
    except IberianError:  # none of the catalogue's
        return None


def sweep_work(
    cells: Sequence[SweepCell], documents: Mapping[str, Sequence[int | None]]
) -> SweepWork:
    """Return what cells evaluate.

    Args:
        cells: The cells.
        documents: Task, or group, to the numbers of documents of its single tasks;
            ``None`` where nobody knows.
    """
    total, unknown = 0, {}
    for cell in cells:
        limit = cell.options.get("limit")
        for task in cell.tasks:
            counts = documents[task]
            if None in counts:
                unknown[task] = True
            known = [count for count in counts if count is not None]
            total += sum(min(one, int(limit or one)) for one in known)
    return SweepWork(len(cells), total, tuple(unknown))
