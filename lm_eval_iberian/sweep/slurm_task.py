"""What a job of a sweep calls: the cells of one task, in a process of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_iberian.sweep.cell_process import note_death
from lm_eval_iberian.sweep.slurm_call import SlurmCall, how_it_ended
from lm_eval_iberian.sweep.slurm_manifest import read_manifest
from lm_eval_iberian.sweep.sweep_folder import InFlightError, open_sweep


# how `iberian sweep cell` ends where it has said of each cell how it went
_SAID = (0, 3, 4)


class SlurmTask(SlurmCall):
    """Runs the cells of a task that have no result yet.

    The program takes the folder and ids of cells, and is ``iberian sweep cell``.
    """

    def _run(self, folder: str, name: str, task: int, program: Sequence[str]) -> None:
        sweep = open_sweep(Path(folder))
        manifest = read_manifest(sweep, name)
        cells = [sweep.cell(one) for one in manifest.tasks[task]]
        elsewhere: set[str] = set()
        while left := [
            cell
            for cell in cells
            if cell.id not in elsewhere and not manifest.is_settled(sweep, cell)
        ]:
            ids = [cell.id for cell in left]
            code, said = self._done([*program, str(sweep.path), *ids])
            unsaid = [one for one in left if not manifest.is_settled(sweep, one)]
            if unsaid and self._asked:
                self._wait_for_the_end()
            if not unsaid or code in _SAID:
                return
            try:  # it died, and of the first one
                note_death(sweep, unsaid[0], how_it_ended(code, said), said)
            except InFlightError:
                elsewhere.add(unsaid[0].id)
